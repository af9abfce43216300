#!/usr/bin/env python3
"""Spoils valid .hallmark files at random and compares two verdicts: format_check.py's and Rust's.

    provenance_file write DIR        (example of the hallmark-vault package)
    format_mutate.py DIR PROVENANCE_FILE [--count 300] [--seed 1]

Exits 1 when the two differ in outcome, in the set of problem codes, or in freshness. Spoilt files
are kept in DIR/mutants. Half of the mutations change bytes; the others change what is said, and
sign, relink and sum it again with the example's keys, so that deeper checks are reached; some of
them go on with the piece's life, by owners and visitors, not always as the rules have it.
"""

import argparse
import base64
import copy
import hashlib
import json
import random
import subprocess
import sys
import zlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import format_check as fc
import format_document as fd

AT = "2026-05-04T12:00:00Z"
STUDIO, WRITER = 1, 101
WORDS = [
    None, True, [], {}, "", " ", "x", "x" * 2001, "\u00e9" * 2000, "\U0001f48d", "a\u061cb",
    "a\u200bb", "a\nb", "a\rb", "\u00ad", "\u3000", 0, 1, -1, 750, 999, 1000, 65536, 2**32 - 1,
    2**32, 2**53 - 1, 2**53, "2026-02-30", "2024-02-29", "0999-01-01", "2026-05-03T12:00:00Z",
    "2026-05-03T12:00:60Z", "2027-05-04T12:00:00Z", "0" * 64, "A" * 64, "lab", "self-declared",
    "hallmark/2", "current", "revoked", "stolen", "sold", "made", "serviced", "image/png",
    "text/markdown", "application/octet-stream", "video/mp4", "media/01.jpg", "media/con.jpg",
    "media/../x", "proofs/x", "a.example:+80", "a.example:80", "metals/0", "metals/00",
    "stones/9", "claims/0/about", "04012345678902",
    "urn:uuid:9a374450-4560-439e-8670-b7a17d492b27", [0, 0, 0], ["x"], ["treated"],
]


def key(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))


def did(seed):
    public = key(seed).public_key().public_bytes_raw()
    return "did:key:z" + fd.base58_encode(b"\xed\x01" + public)


SEEDS = {did(seed): seed for seed in (1, 10, 11, 20, 40, 99)}


def sign(document, seeds, created="2026-05-03T12:00:00Z"):
    bare = {name: item for name, item in document.items() if name != "proof"}
    proofs = []
    for seed in seeds:
        name = did(seed)
        proof = {
            "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": created,
            "verificationMethod": f"{name}#{name[8:]}", "proofPurpose": "assertionMethod",
        }
        if "@context" in bare:
            proof["@context"] = bare["@context"]
        digest = lambda value: hashlib.sha256(fd.jcs(value)).digest()
        signature = key(seed).sign(digest(proof) + digest(bare))
        proofs.append({**proof, "proofValue": "z" + fd.base58_encode(signature)})
    return {**bare, "proof": proofs if len(proofs) > 1 else proofs[0]}


def seeds_of(document):
    proofs = document.get("proof")
    proofs = proofs if isinstance(proofs, list) else [proofs]
    names = [p.get("verificationMethod") for p in proofs if isinstance(p, dict)]
    return [SEEDS.get(str(name).partition("#")[0], STUDIO) for name in names] or [STUDIO]


def container(entries, wrong_crc=False):
    out, headers = b"", []
    for name, content in entries:
        crc = zlib.crc32(content) ^ (1 if wrong_crc and name.startswith("notes") else 0)
        headers.append((name.encode(), crc, len(content), len(out)))
        out += fc.local_header(name.encode(), crc, len(content)) + content
    return out + fc.tail(headers, len(out))


def summed(entries, seed=WRITER):
    entries = [entry for entry in entries if entry[0] not in (fc.SUMS, fc.MINISIG)]
    sums = "".join(f"{fd.sha256(content)}  {name}\n" for name, content in entries).encode()
    try:
        piece = json.loads(dict(entries)[fc.MANIFEST])["credentialSubject"]["id"]
    except (KeyError, ValueError, TypeError):
        piece = "x"
    b64 = lambda data: base64.b64encode(data).decode()
    public = key(seed).public_key().public_bytes_raw()
    key_id = hashlib.sha256(b"hallmark/minisign-key-id/v1\0" + public).digest()[:8]
    signature = key(seed).sign(hashlib.blake2b(sums).digest())
    comment = f"hallmark/1 {piece}"
    total = key(seed).sign(signature + comment.encode())
    minisig = (
        f"untrusted comment: hallmark/1 bytes written with {b64(b'Ed' + key_id + public)}\n"
        f"{b64(b'ED' + key_id + signature)}\ntrusted comment: {comment}\n{b64(total)}\n"
    )
    return [*entries, (fc.SUMS, sums), (fc.MINISIG, minisig.encode())]


def places(value, found):
    """Every (container, key) in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        found.append((value, name))
        if isinstance(item, (dict, list)):
            places(item, found)
    return found


def change_json(rng, document):
    spot, name = rng.choice(places(document, []))
    action = rng.randrange(6)
    if action == 0:
        del spot[name]
    elif action == 1 and isinstance(spot, dict):
        extra = rng.choice(["extra", "validUntil", "until", "hidden", "owner", "setting", "note",
                            "kind", "treatments", "count", "weightMg", "bizStep", "claims",
                            "report"])
        spot[extra] = rng.choice(WORDS)
    elif action == 2 and isinstance(spot, list):
        spot.insert(rng.randrange(len(spot) + 1), copy.deepcopy(spot[name]))
    elif action == 3 and isinstance(spot[name], str) and spot[name]:
        at = rng.randrange(len(spot[name]))
        spot[name] = spot[name][:at] + rng.choice("aZ9-.\n") + spot[name][at + 1:]
    elif action == 4 and type(spot[name]) is int:
        spot[name] += rng.choice([-1, 1, 1000])
    else:
        spot[name] = copy.deepcopy(rng.choice(WORDS))


def change_proofs(rng, document):
    proofs = document.get("proof")
    proofs = proofs if isinstance(proofs, list) else [proofs]
    action = rng.randrange(5)
    if action == 0:
        proofs.reverse()
    elif action == 1:
        proofs.append(proofs[0])
    elif action == 2:
        proofs.pop()
    elif action == 3:  # S + order: the second spelling lax verifiers accept
        data = fd.base58_decode(proofs[0]["proofValue"][1:], 64)
        s = int.from_bytes(data[32:], "little") + fd.ELL
        proofs[0]["proofValue"] = "z" + fd.base58_encode(data[:32] + s.to_bytes(32, "little"))
    else:
        extra = sign(document, [20])["proof"]
        proofs.insert(rng.randrange(len(proofs) + 1), extra)
    document["proof"] = proofs if len(proofs) != 1 else proofs[0]


def relink(documents):
    """Makes hashes and signatures fit again after a change."""
    previous = None
    for name, document in documents.items():
        subject = document.get("credentialSubject")
        if isinstance(subject, dict) and name.startswith("events/") and previous:
            subject["previous"] = previous
        if isinstance(subject, dict) and name == fc.STATUS:
            subject["manifest"] = fd.sha256(fd.jcs(documents[fc.MANIFEST]))
            if subject.get("events") == len(documents) - 2:
                subject["head"] = previous
        documents[name] = sign(document, seeds_of(document))
        previous = fd.sha256(fd.jcs(documents[name]))


def mutate_json(rng, entries):
    content = dict(entries)
    names = [name for name, _ in entries if name.endswith(".json")]
    documents = {name: json.loads(content[name]) for name in names}
    target = rng.choice(names)
    depth = rng.choice(["as is", "sign", "relink", "relink"])
    if depth == "as is" and rng.randrange(2):
        change_proofs(rng, documents[target])
    else:
        for _ in range(rng.choice([1, 1, 1, 2])):
            change_json(rng, documents[target])
    if depth == "sign":
        documents[target] = sign(documents[target], seeds_of(documents[target]))
    elif depth == "relink":
        relink(documents)
    for name, document in documents.items():
        content[name] = fd.jcs(document)
    if rng.randrange(15) == 0:
        content[target] = json.dumps(documents[target]).encode()
    changed = [(name, content[name]) for name, _ in entries]
    return container(summed(changed) if rng.randrange(6) else changed)


def next_event(rng, events, owner):
    """One more event, right more often than not, and the keys that sign it."""
    last = events[-1]["credentialSubject"]
    kind = rng.choice(["set", "inspected", "inspected", "serviced", "serviced", "reportedStolen",
                       "reportedStolen", "recovered", "destroyed"])
    visit = kind in ("set", "inspected", "serviced") and rng.randrange(3) != 0
    signer = rng.choice([20, 40]) if visit else owner
    named = [events[0]["credentialSubject"]["label"]]
    named += [event["credentialSubject"]["nextLabel"] for event in events]
    label, fresh = last["nextLabel"], f"{rng.randrange(2**64):064x}"
    if rng.randrange(4) == 0:
        then = rng.choice([label, fresh, *named])
    else:
        then = label if visit else fresh
    step, disposition = fd.KINDS[kind]
    subject = {
        "id": last["id"], "kind": kind, "sequence": len(events) + 1, "previous": "0" * 64,
        "label": label, "nextLabel": then,
    }
    subject.update({"bizStep": step} if step else {})
    subject.update({"disposition": disposition} if disposition else {})
    if kind == "set":
        subject["setting"] = {"stone": rng.choice([0, 0, 1])}
    made = rng.choice(["2026-05-03T12:00:00Z", AT, AT, AT, "2026-05-04T12:05:00Z",
                       "2026-05-04T12:05:01Z", "2027-01-01T00:00:00Z"])
    if (kind == "reportedStolen") != (rng.randrange(10) == 0):
        subject["until"] = rng.choice([AT, "2026-05-04T12:00:01Z", "2026-06-01T00:00:00Z",
                                       "2027-05-05T12:00:00Z", "2027-05-05T12:00:01Z"])
    event = {
        "@context": fd.CONTEXTS, "type": ["VerifiableCredential", "HallmarkEvent"],
        "issuer": did(signer), "validFrom": made, "credentialSubject": subject,
    }
    if rng.randrange(15) == 0:
        event["validUntil"] = "2026-06-01T00:00:00Z"
    return event, [signer] if rng.randrange(15) else [signer, 11]


def mutate_life(rng, entries):
    """The piece lives on, and its status may be by the successor or a stranger."""
    content = dict(entries)
    manifest = json.loads(content[fc.MANIFEST])
    if rng.randrange(15) == 0:
        manifest["credentialSubject"]["maker"]["successor"] = manifest["issuer"]
        manifest = sign(manifest, [STUDIO])
    names = [name for name, _ in entries if name.startswith("events/")]
    events, previous = [], fd.sha256(fd.jcs(manifest))
    for name in names:
        event = json.loads(content[name])
        event["credentialSubject"]["previous"] = previous
        events.append(sign(event, seeds_of(event)))
        previous = fd.sha256(fd.jcs(events[-1]))
    owner = 10 if events[-1]["credentialSubject"]["kind"] == "sold" else STUDIO
    for _ in range(rng.randrange(4)):
        event, seeds = next_event(rng, events, owner)
        event["credentialSubject"]["previous"] = previous
        events.append(sign(event, seeds))
        previous = fd.sha256(fd.jcs(events[-1]))
    status = json.loads(content[fc.STATUS])
    said = status["credentialSubject"]
    said["manifest"] = fd.sha256(fd.jcs(manifest))
    said["events"], said["head"] = len(events), previous
    seeds = rng.choice([[STUDIO], [STUDIO], [99], [99], [20], [STUDIO, 99]])
    status["issuer"] = did(seeds[0])
    written = [(f"events/{n:04}.json", fd.jcs(event)) for n, event in enumerate(events, 1)]
    written.append((fc.STATUS, fd.jcs(sign(status, seeds))))
    rest = [entry for entry in entries if entry[0] not in (*names, fc.MANIFEST, fc.STATUS)]
    return container(summed([(fc.MANIFEST, fd.jcs(manifest)), *written, *rest]))


def mutate_entries(rng, entries):
    at, other = rng.randrange(len(entries)), rng.randrange(len(entries))
    name, content = entries[at]
    action = rng.randrange(6)
    if action == 0:
        del entries[at]
    elif action == 1:
        entries.insert(other, entries[at])
    elif action == 2:
        entries[at], entries[other] = entries[other], entries[at]
    elif action == 3:
        entries[at] = (rng.choice(["proofs/a", "media/new.jpg", "events/0009.json", "a/../b",
                                   "certs/nul.pdf", "media/x." + "y" * 90]), content)
    elif action == 4:
        entries[at] = (name, rng.randbytes(rng.choice([0, 1, len(content), 70000])))
    else:
        spot = next((i for i, e in enumerate(entries) if e[0] == fc.VERIFY), 0)
        for n in rng.sample(range(10, 30), rng.choice([1, 2, 17])):
            entries.insert(spot, (f"proofs/{n}", b"p"))
        if rng.randrange(2):
            proofs = sorted(e for e in entries if e[0].startswith("proofs/"))
            entries[spot:spot + len(proofs)] = proofs
    again = summed(entries) if rng.randrange(2) else entries
    return container(again, wrong_crc=rng.randrange(8) == 0)


def mutate_bytes(rng, data):
    data, at = bytearray(data), rng.randrange(len(data))
    action = rng.randrange(7)
    if action <= 2:
        data[at] ^= 1 << rng.randrange(8)
    elif action == 3:
        data[at] = rng.randrange(256)
    elif action == 4:
        del data[at:at + rng.choice([1, 2, 100])]
    elif action == 5:
        data[at:at] = rng.randbytes(rng.choice([1, 4]))
    else:
        end = rng.randrange(len(data))
        data[at], data[end] = data[end], data[at]
    return bytes(data)


def patch_content(rng, entries):
    """Bytes of one entry changed, CRC right again."""
    at = rng.randrange(len(entries))
    name, content = entries[at]
    entries[at] = (name, mutate_bytes(rng, content) if content else b"x")
    return container(summed(entries) if rng.randrange(3) == 0 else entries)


def mutant(rng, data):
    entries = [(name, content) for name, _, content in fc.entries_of(data)]
    kind = rng.choice(["bytes", "bytes", "content", "entries", "json", "json", "life", "life"])
    if kind == "bytes":
        return mutate_bytes(rng, data)
    mutations = {"content": patch_content, "entries": mutate_entries, "json": mutate_json,
                 "life": mutate_life}
    return mutations[kind](rng, entries)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("program", help="the provenance_file example, built")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    bases = sorted(arguments.folder.glob("*.hallmark"))
    folder = arguments.folder / "mutants"
    folder.mkdir(exist_ok=True)
    files = list(bases)
    for n in range(arguments.count):
        data = rng.choice(bases).read_bytes()
        file = folder / f"{n:05}.hallmark"
        file.write_bytes(mutant(rng, data))
        files.append(file)
    differences, tally, states, codes = 0, {}, {}, {}
    for start in range(0, len(files), 500):
        batch = files[start:start + 500]
        command = [arguments.program, "judge", AT, did(STUDIO), *map(str, batch)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for file, line in zip(batch, lines.splitlines(), strict=True):
            rust = json.loads(line)
            ours = fc.judge(file.read_bytes(), {did(STUDIO)}, fd.unix(AT))
            tally[ours["outcome"]] = tally.get(ours["outcome"], 0) + 1
            states[ours["freshness"]] = states.get(ours["freshness"], 0) + 1
            for code in set(ours["problems"]):
                codes[code] = codes.get(code, 0) + 1
            same = all(
                sorted(ours[f]) == sorted(rust[f]) if f == "problems" else ours[f] == rust[f]
                for f in ("outcome", "problems", "freshness")
            )
            if not same:
                differences += 1
                print(f"{file.name}: format_check {ours}; rust {rust}")
    print(f"{len(files)} files compared: {tally}; {states}")
    print(f"codes seen: {dict(sorted(codes.items()))}")
    print(f"{len(files) - differences} passed, {differences} failed")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
