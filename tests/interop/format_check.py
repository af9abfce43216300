#!/usr/bin/env python3
"""Checks a .hallmark file as vault/FORMAT.md says, sharing no code with the Rust side.

Needs Python 3.9 and the PyPI package `cryptography`. Written from FORMAT.md alone; the numbers in
comments are its sections.

    format_check.py FILE [--trust did:key:...]... [--at 2026-05-04T12:00:00Z]

prints {"outcome", "problems", "signer", "freshness"} and exits as section 11.4 says.
"""

import argparse
import base64
import datetime
import hashlib
import json
import re
import struct
import sys
import zlib
from pathlib import Path

from format_document import (
    KINDS, Problem, is_file_name, is_hash, is_key, is_part_path, is_point, jcs, need, open_bytes,
    open_value, sha256, unix, verify,
)
from format_media import media_type_fits

VERIFY_SHA256 = "80a96f8b9b4fff443b6d6fb1d0273588b8b030378ab582445c627905662aa7d9"
VERIFY_LEN = 1552
MANIFEST, STATUS, VERIFY = "manifest.json", "status/status.json", "VERIFY.txt"
SUMS, MINISIG = "SHA256SUMS", "SHA256SUMS.minisig"

TAMPERED = {
    "signature", "issuer", "attestation-signature", "attestation-elsewhere", "other-piece",
    "chain-forked", "chain-broken", "event-signers", "event-not-here", "part-missing",
    "content-changed", "sums-differ", "minisign-signature", "status-signer", "status-elsewhere",
    "cut-tail", "status-head",
}


# --- 2 the container -------------------------------------------------------------------------


def local_header(name, crc, size):
    return (
        struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0x21, crc, 0xFFFFFFFF, 0xFFFFFFFF,
                    len(name), 20)
        + name + struct.pack("<HHQQ", 1, 16, size, size)
    )


def tail(headers, at):
    out = b""
    for name, crc, size, offset in headers:
        out += struct.pack("<IHH", 0x02014B50, 45, 45)
        out += local_header(name, crc, size)[6:28]
        out += struct.pack("<HHHHII", 28, 0, 0, 0, 0, 0xFFFFFFFF)
        out += name + struct.pack("<HHQQQ", 1, 24, size, size, offset)
    length, count = len(out), len(headers)
    out += struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, length, at)
    out += struct.pack("<IIQI", 0x07064B50, 0, at + length, 1)
    out += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return out


def entries_of(data):
    """[(name, crc, content)] or a Problem."""
    end = len(data) - 98
    need(end >= 0 and data[end:end + 4] == b"PK\x06\x06", "not-an-archive")
    directory = struct.unpack_from("<Q", data, end + 48)[0]
    need(directory <= end and end - directory <= 1351680, "not-an-archive")
    headers, entries, at = [], [], 0
    while at < directory:
        need(len(headers) < 4096, "too-many-entries")
        need(directory - at >= 30, "zip-header")
        length = struct.unpack_from("<H", data, at + 26)[0]
        need(length <= 256 and directory - at >= 50 + length, "zip-header")
        name = data[at + 30:at + 30 + length]
        crc = struct.unpack_from("<I", data, at + 14)[0]
        size = struct.unpack_from("<Q", data, at + 34 + length)[0]
        need(is_utf8(name), "zip-header")
        need(data[at:at + 50 + length] == local_header(name, crc, size), "zip-header")
        start = at + 50 + length
        need(start + size <= directory, "zip-header")
        headers.append((name, crc, size, at))
        entries.append((name.decode(), crc, data[start:start + size]))
        at = start + size
    need(data[directory:] == tail(headers, directory), "zip-directory")
    return entries


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


# --- 3 names ---------------------------------------------------------------------------------


def size_limit(name):
    """Largest size of an entry of that name; None for a name that section 3 never allows."""
    fixed = {MANIFEST: 1048576, STATUS: 65536, VERIFY: VERIFY_LEN, SUMS: 1048576, MINISIG: 1024}
    if name in fixed:
        return fixed[name]
    if name.startswith("proofs/"):
        return 65536 if is_file_name(name[7:]) else None
    event = re.fullmatch(r"events/([0-9]{4,10})\.json", name)
    if event:
        number = int(event[1])
        in_range = 1 <= number <= 0xFFFFFFFF and event[1] == f"{number:04}"
        return 262144 if in_range else None
    return float("inf") if is_part_path(name) else None


# --- 5.3 across fields -----------------------------------------------------------------------


def check_piece(piece, issuer):
    def holds(condition):
        need(condition, "manifest")

    holds(piece["maker"]["successor"] != issuer)
    holds(piece["format"] == "hallmark/1")
    for name, least in [("metals", 1), ("stones", 0), ("warranties", 0), ("materials", 0),
                        ("claims", 1), ("parts", 1), ("story", 0)]:
        holds(least <= len(piece.get(name, [])) <= 1000)
    holds(all(1 <= metal["fineness"] <= 999 for metal in piece["metals"]))
    holds(piece.get("weightMg") != 0)
    exemption = piece.get("hallmark", {}).get("exemption")
    if exemption:
        holds("weightMg" in piece and piece["weightMg"] < exemption["belowMg"])
    for stone in piece.get("stones", []):
        holds((stone["treatment"] == "treated") == ("treatments" in stone))
        holds(stone.get("count") != 0)
    listed = [part["path"] for part in piece["parts"]]
    story = piece.get("story", [])
    named = [stone["report"]["part"] for stone in piece.get("stones", [])
             if "part" in stone.get("report", {})]
    named += [item["part"] for item in piece.get("materials", []) if "part" in item]
    holds(len(set(listed)) == len(listed) and len(set(story)) == len(story))
    holds(set(story) | set(named) <= set(listed))
    if "gs1" in piece:
        gtin = piece["gs1"]["gtin"]
        holds(re.fullmatch("[0-9]{14}", gtin))
        digits = [int(c) for c in gtin]
        holds((3 * sum(digits[::2]) + sum(digits[1::2])) % 10 == 0)
        holds(len(piece["gs1"].get("serial", "")) <= 20)
    holds("hidden" not in piece or hidden_is_sound(piece["hidden"]))
    wanted = [f"{name}/{i}" for name in ("metals", "stones", "warranties", "materials")
              for i in range(len(piece.get(name, [])))]
    wanted += [name for name in ("weightMg", "hallmark", "origin") if name in piece]
    holds(set(wanted) <= {claim["about"] for claim in piece["claims"]})


def hidden_is_sound(hidden):
    digests = hidden["_sd"]
    return (
        hidden["_sd_alg"] == "sha-256" and 1 <= len(digests) <= 64
        and all(a < b for a, b in zip(digests, digests[1:]))
        and all(re.fullmatch("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", d) for d in digests)
    )


# --- 6 claims --------------------------------------------------------------------------------


def pointed(value, about):
    for step in about.split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif (isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", step)
              and int(step) < len(value)):
            value = value[int(step)]
        else:
            raise Problem("claim-field")
    return value


def same(a, b):
    """Equal as JSON (Python takes True for 1)."""
    return jcs(a) == jcs(b)


def strings(value):
    """Every string in a value, names of members apart."""
    if isinstance(value, str):
        return {value}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(strings, items))


def named_parts(value, piece):
    found = strings(value)
    return {part["path"]: part["sha256"] for part in piece["parts"] if part["path"] in found}


def check_claim(claim, piece):
    value = pointed(piece, claim["about"])
    if "attestation" not in claim:
        return
    try:
        attestation = open_value(claim["attestation"], "HallmarkAttestation")
    except Problem as problem:
        tampered = problem.code in ("signature", "issuer")
        raise Problem("attestation-signature" if tampered else "attestation") from None
    plain = {name: item for name, item in claim.items() if name != "attestation"}
    subject = attestation.subject
    fits = (subject["id"] == piece["id"] and same(subject["value"], value)
            and same(subject.get("parts", {}), named_parts(value, piece))
            and same(subject["claim"], plain) and len(attestation.signers) == 1)
    need(fits, "attestation-elsewhere")


# --- 7.2 the chain ---------------------------------------------------------------------------

END_OF_TIME = 253402300799


class Chain:
    def __init__(self, manifest, manifest_hash):
        self.piece, self.studio = manifest.subject, manifest.issuer
        self.owner = self.studio
        self.hashes = [manifest_hash]
        self.label = self.piece["firstLabel"]
        self.labels = {self.label}
        self.last = manifest.valid_from
        self.stolen = None
        self.destroyed = False

    def follow(self, event, file_hash):
        subject, kind, number = event.subject, event.subject["kind"], len(self.hashes)
        need(subject["id"] == self.piece["id"], "other-piece")
        if subject["previous"] != self.hashes[-1]:
            raise Problem("chain-forked" if subject["previous"] in self.hashes else "chain-broken")
        visitor = kind in ("set", "inspected", "serviced") and self.owner not in event.signers
        then = subject["nextLabel"]
        need(subject["sequence"] == number and subject["label"] == self.label
             and (then == self.label if visitor else then not in self.labels)
             and event.valid_from >= self.last, "chain-broken")
        need(self.fields_fit(event), "event-field")
        need(not self.destroyed and (kind == "made") == (number == 1), "event-not-here")
        self.check_signers(kind, subject.get("owner"), event.signers)
        if kind in ("sold", "transferred"):
            self.owner = subject["owner"]
        elif kind == "returned":
            self.owner = self.studio
        elif kind == "reportedStolen":
            self.stolen = (event.valid_from, unix(subject["until"]))
        elif kind == "recovered":
            self.stolen = None
        elif kind == "destroyed":
            self.destroyed = True
        self.hashes.append(file_hash)
        if not visitor:
            self.label, self.last = then, event.valid_from
            self.labels.add(then)

    def fields_fit(self, event):
        subject, kind = event.subject, event.subject["kind"]
        step, disposition = KINDS[kind]
        if kind == "reportedStolen":
            until = unix(subject.get("until"))
            most = min(event.valid_from + 366 * 86400, END_OF_TIME)
            ends = until is not None and event.valid_from < until <= most
        else:
            ends = "until" not in subject
        setting_fits = ("setting" in subject) == (kind == "set")
        if "setting" in subject:
            stones, at = self.piece.get("stones", []), subject["setting"]["stone"]
            report = subject["setting"].get("report")
            setting_fits &= (at < len(stones)
                             and report == stones[at].get("report", {}).get("number"))
        return (("owner" in subject) == (kind in ("sold", "transferred"))
                and ("resumeLabel" not in subject or kind == "transferred")
                and setting_fits and ends and all(len(subject.get(name, [])) <= 16 for name in ("claims", "warranties"))
                and subject.get("bizStep") == step and subject.get("disposition") == disposition
                and ("hidden" not in subject or hidden_is_sound(subject["hidden"])))

    def check_signers(self, kind, new, signers):
        studio, owner = self.studio, self.owner
        state, allowed = {
            "made": (True, [[studio]]),
            "sold": (owner == studio and new != studio, [[studio, new]]),
            "returned": (owner != studio, [[owner, studio]]),
            "reportedStolen": (True, [[owner]]),
            "recovered": (self.stolen is not None, [[owner]]),
            "transferred": (owner != studio and new not in (owner, studio),
                            [[owner, new], [owner, new, studio]]),
            "destroyed": (True, [[owner]]),
        }.get(kind, (True, None))
        need(state, "event-not-here")
        need(signers in allowed if allowed else len(signers) == 1, "event-signers")


# --- 9 sums and minisign ---------------------------------------------------------------------


def check_sums(sums, entries):
    right = [(sha256(content), name) for name, _, content in entries if name not in (SUMS, MINISIG)]
    if sums == "".join(f"{digest}  {name}\n" for digest, name in right).encode():
        return []
    if not is_utf8(sums) or not sums.endswith(b"\n"):
        return ["sums-shape"]
    lines = sums.decode()[:-1].split("\n")
    if len(lines) != len(right) or not all(
        is_hash(line[:64]) and line[64:] == f"  {name}" for line, (_, name) in zip(lines, right)
    ):
        return ["sums-shape"]
    return ["sums-differ" for line, (digest, _) in zip(lines, right) if line[:64] != digest]


def base64_exact(text, length):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Problem("minisign-shape") from None
    need(len(data) == length and base64.b64encode(data).decode() == text, "minisign-shape")
    return data


def check_minisign(minisig, sums, piece_id):
    try:
        text = minisig.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("minisign-shape") from None
    lines = text.split("\n")
    need(len(lines) == 5 and lines[4] == "", "minisign-shape")
    first, third = "untrusted comment: hallmark/1 bytes written with ", "trusted comment: "
    need(lines[0].startswith(first) and lines[2].startswith(third), "minisign-shape")
    need(all(line.isascii() for line in (lines[0], lines[1], lines[3])), "minisign-shape")
    public = base64_exact(lines[0][len(first):], 42)
    signed = base64_exact(lines[1], 74)
    total = base64_exact(lines[3], 64)
    key, signature = public[10:], signed[10:]
    key_id = hashlib.sha256(b"hallmark/minisign-key-id/v1\0" + key).digest()[:8]
    need(public[:10] == b"Ed" + key_id and signed[:10] == b"ED" + key_id, "minisign-shape")
    need(is_point(key), "minisign-shape")
    comment = f"hallmark/1 {piece_id}"
    need(lines[2] == third + comment
         and verify(key, hashlib.blake2b(sums).digest(), signature)
         and verify(key, signature + comment.encode(), total), "minisign-signature")


# --- 11.1 the order of checks ----------------------------------------------------------------


class Inspection:
    def __init__(self, data):
        self.problems, self.manifest, self.status, self.chain = [], None, None, None
        try:
            self.entries = entries_of(data)
        except Problem as problem:
            self.problems = [problem.code]
            return
        self.content = {name: content for name, _, content in self.entries}
        self.check_names()
        if self.problems:
            return
        self.whole = self.documents()
        if self.whole:
            self.check_entries()
            self.check_parts()
            self.check_status()
        self.check_fixed()
        if not set(self.problems) & TAMPERED:
            for _, crc, content in self.entries:
                if zlib.crc32(content) != crc:
                    self.problems.append("crc")

    def attempt(self, action, *arguments):
        try:
            return action(*arguments)
        except Problem as problem:
            self.problems.append(problem.code)
            return None

    def check_names(self):  # 2
        seen = set()
        for name, _, content in self.entries:
            limit = size_limit(name)
            if limit is None:
                self.problems.append("unlisted-entry")
            elif len(content) > limit:
                self.problems.append("too-large")
            if name in seen:
                self.problems.append("duplicate-entry")
            seen.add(name)
        events = sum(len(self.content[name]) for name in self.content if name[:7] == "events/")
        if not self.problems and events > 16777216:
            self.problems.append("too-large")

    def open(self, name, kind):
        if name not in self.content:
            self.problems.append("missing-entry")
            return None
        return self.attempt(open_bytes, self.content[name], kind)

    def documents(self):  # 3 and 4
        self.manifest = self.open(MANIFEST, "HallmarkPiece")
        self.status = self.open(STATUS, "HallmarkStatus")
        if not self.manifest:
            return False
        piece = self.manifest.subject
        if len(self.manifest.signers) != 1:
            self.problems.append("issuer")
        self.attempt(check_piece, piece, self.manifest.issuer)
        for claim in piece["claims"]:
            self.attempt(check_claim, claim, piece)
        self.chain = Chain(self.manifest, sha256(self.content[MANIFEST]))
        self.events, parts = [], len(piece["parts"])
        for number in range(1, 1001):
            name = f"events/{number:04}.json"
            if name not in self.content:
                break
            event = self.open(name, "HallmarkEvent")
            if not event:
                return False
            before = len(self.problems)
            self.attempt(self.chain.follow, event, sha256(self.content[name]))
            if len(self.problems) > before:
                return False
            parts += len(event.subject.get("parts", []))
            if parts > 4096:
                self.problems.append("too-many-entries")
                return False
            for claim in event.subject.get("claims", []):
                self.attempt(check_claim, claim, piece)
            self.events.append(event)
        if not self.events:
            self.problems.append("missing-entry")
        return self.status is not None

    def parts(self):
        listed = list(self.manifest.subject["parts"])
        for event in self.events:
            listed += event.subject.get("parts", [])
        return listed

    def check_entries(self):  # 5
        found = [name for name, _, _ in self.entries]
        proofs = sorted(name for name in found if name.startswith("proofs/"))[:16]
        parts = [part["path"] for part in self.parts()]
        events = [f"events/{n:04}.json" for n in range(1, len(self.events) + 1)]
        expected = [MANIFEST, *events, STATUS, *parts, *proofs, VERIFY, SUMS, MINISIG]
        problems = ["unlisted-entry" for name in found if name not in expected]
        problems += ["part-missing" for name in parts if name not in found]
        problems += ["duplicate-entry"] if len(set(expected)) != len(expected) else []
        problems += ["missing-entry" for name in (VERIFY, SUMS, MINISIG) if name not in found]
        self.problems += problems
        if not problems and found != expected:
            self.problems.append("entry-order")

    def check_parts(self):  # 6
        for part in self.parts():
            content = self.content.get(part["path"])
            if content is None:
                continue
            if sha256(content) != part["sha256"] or len(content) != part["size"]:
                self.problems.append("content-changed")
            elif not media_type_fits(part["type"], content):
                self.problems.append("media-type")

    def check_status(self):  # 7
        status, hashes = self.status.subject, self.chain.hashes
        manifest = self.manifest
        if self.status.signers not in ([manifest.issuer], [manifest.subject["maker"]["successor"]]):
            self.problems.append("status-signer")
        if status["id"] != manifest.subject["id"] or status["manifest"] != hashes[0]:
            self.problems.append("status-elsewhere")
        if status["events"] >= len(hashes):
            self.problems.append("cut-tail")
        elif status["head"] != hashes[status["events"]]:
            self.problems.append("status-head")

    def check_fixed(self):  # 8 and 9
        if VERIFY in self.content and sha256(self.content[VERIFY]) != VERIFY_SHA256:
            self.problems.append("verify-text")
        if SUMS in self.content and MINISIG in self.content:
            self.problems += check_sums(self.content[SUMS], self.entries)
            if self.whole:
                self.attempt(check_minisign, self.content[MINISIG], self.content[SUMS],
                             self.manifest.subject["id"])


# --- 11.2 to 11.4 ----------------------------------------------------------------------------

EXIT = {"holds": 0, "tampered": 3, "malformed": 4, "untrusted": 5, "stale": 6, "revoked": 7}


def freshness(inspection, now):
    status, chain = inspection.status, inspection.chain
    standing = status.subject["status"]
    if standing == "revoked":
        return "revoked"
    if standing == "stolen" or (chain.stolen and chain.stolen[0] <= now <= chain.stolen[1]):
        return "stolen"
    if chain.destroyed:
        return "destroyed"
    if max(status.valid_from, chain.last) > now + 300:
        return "not-yet-valid"
    if status.valid_until is None or now > min(status.valid_until, status.valid_from + 3660 * 86400):
        return "expired"
    return "newer-events" if status.subject["events"] < len(chain.hashes) - 1 else "current"


def judge(data, trusted, now):
    inspection = Inspection(data)
    problems = inspection.problems
    if problems:
        outcome = "tampered" if set(problems) <= TAMPERED else "malformed"
        return {"outcome": outcome, "problems": problems,
                "signer": "not-assessed", "freshness": "not-assessed"}
    state = freshness(inspection, now)
    if inspection.manifest.issuer in trusted:
        signer = "pinned"
    else:
        named = "domain" in inspection.manifest.subject["maker"]
        signer = "unchecked" if named else "unknown"
    if signer != "pinned":
        outcome = "untrusted"
    elif state in ("revoked", "stolen", "destroyed"):
        outcome = "revoked"
    else:
        outcome = "holds" if state == "current" else "stale"
    return {"outcome": outcome, "problems": [], "signer": signer, "freshness": state}


def main():
    parser = argparse.ArgumentParser(description="Checks a .hallmark file as FORMAT.md says.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--trust", action="append", default=[], metavar="DID")
    parser.add_argument("--at", metavar="TIME", help="judge at this time instead of now")
    arguments = parser.parse_args()
    now = unix(arguments.at) if arguments.at else int(datetime.datetime.now().timestamp())
    if now is None or not all(map(is_key, arguments.trust)):
        parser.error("--at is a time like 2026-05-04T12:00:00Z, --trust a did:key")
    try:
        data = arguments.file.read_bytes()
    except OSError as error:
        parser.error(f"cannot read {arguments.file}: {error.strerror}")
    verdict = judge(data, set(arguments.trust), now)
    print(json.dumps(verdict))
    sys.exit(EXIT[verdict["outcome"]])


if __name__ == "__main__":
    main()
