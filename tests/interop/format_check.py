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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

VERIFY_SHA256 = "80a96f8b9b4fff443b6d6fb1d0273588b8b030378ab582445c627905662aa7d9"
VERIFY_LEN = 1552
CONTEXTS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/undefined-terms/v2",
]
MANIFEST, STATUS, VERIFY = "manifest.json", "status/status.json", "VERIFY.txt"
SUMS, MINISIG = "SHA256SUMS", "SHA256SUMS.minisig"

TAMPERED = {
    "signature", "issuer", "attestation-signature", "attestation-elsewhere", "other-piece",
    "chain-forked", "chain-broken", "event-signers", "event-not-here", "part-missing",
    "content-changed", "sums-differ", "minisign-signature", "status-signer", "status-elsewhere",
    "cut-tail", "status-head",
}


class Problem(Exception):
    """One problem, by its code (11.1)."""

    @property
    def code(self):
        return self.args[0]


def need(holds, code):
    if not holds:
        raise Problem(code)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


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

DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)")


def is_file_name(name):
    return bool(
        re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", name)
        and not name.endswith(".") and ".." not in name and not DEVICE.match(name)
    )


def is_part_path(name):
    folder, slash, file = name.partition("/")
    return folder in ("certs", "media", "notes") and bool(slash) and is_file_name(file)


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


# --- 4.2 JSON --------------------------------------------------------------------------------

MAX_INTEGER = 2**53 - 1


def strict_json(data):
    need(len(data) <= 8388608, "json")

    def pairs(items):
        keys = [key for key, _ in items]
        if len(set(keys)) != len(keys) or not all(key.isascii() for key in keys):
            raise ValueError("names")
        return dict(items)

    def integer(text):
        value = int(text) if len(text) <= 17 else MAX_INTEGER + 1
        if text == "-0" or abs(value) > MAX_INTEGER:
            raise ValueError("number")
        return value

    def refuse(text):
        raise ValueError(text)

    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise ValueError("byte order mark")
        value = json.loads(text, object_pairs_hook=pairs, parse_int=integer, parse_float=refuse,
                           parse_constant=refuse)
        check_tree(value, 1)
    except (ValueError, RecursionError):
        raise Problem("json") from None
    return value


def check_tree(value, depth):
    """Depth and lone surrogates, which Python's reader lets through."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, (list, dict)):
        if depth > 64:
            raise ValueError("depth")
        for item in value.values() if isinstance(value, dict) else value:
            check_tree(item, depth + 1)


def jcs(value):
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, str):
        return jcs_string(value)
    if isinstance(value, list):
        return b"[" + b",".join(jcs(item) for item in value) + b"]"
    return b"{" + b",".join(jcs_string(k) + b":" + jcs(value[k]) for k in sorted(value)) + b"}"


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def jcs_string(text):
    out = (SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text)
    return ('"' + "".join(out) + '"').encode("utf-8")


# --- 4.3 plain text and types ----------------------------------------------------------------

NOT_PLAIN = re.compile(
    "[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
WHITE = set("\n \u00a0\u1680\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}


def all_plain(value):
    if isinstance(value, str):
        return not NOT_PLAIN.search(value)
    if isinstance(value, list):
        return all(all_plain(item) for item in value)
    if isinstance(value, dict):
        return all(all_plain(key) and all_plain(item) for key, item in value.items())
    return True


def is_text(v):
    return isinstance(v, str) and 1 <= len(v) <= 2000 and all_plain(v) and not set(v) <= WHITE


def is_date(v):
    if not (isinstance(v, str) and re.fullmatch(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", v)):
        return False
    try:
        datetime.date(*map(int, v.split("-")))
        return True
    except ValueError:
        return False


def unix(v):
    """Seconds of a Timestamp, or None."""
    shape = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
    if not (isinstance(v, str) and re.fullmatch(shape, v)) or v < "1970":
        return None
    try:
        moment = datetime.datetime(*map(int, re.findall("[0-9]+", v)))
    except ValueError:
        return None
    return int((moment - datetime.datetime(1970, 1, 1)).total_seconds())


def is_timestamp(v):
    return unix(v) is not None


def is_hash(v):
    return isinstance(v, str) and bool(re.fullmatch("[0-9a-f]{64}", v))


def is_piece_id(v):
    shape = "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    return isinstance(v, str) and bool(re.fullmatch(shape, v))


def is_domain(v):
    if not isinstance(v, str):
        return False
    name, colon, port = v.partition(":")
    labels = all(re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", x) for x in name.split("."))
    ported = not colon or (re.fullmatch("[1-9][0-9]{0,4}", port) and int(port) <= 65535)
    return bool(len(name) <= 253 and labels and ported)


def integer_to(limit):
    return lambda v: type(v) is int and 0 <= v <= limit


is_uint, is_uint32, is_uint16 = integer_to(MAX_INTEGER), integer_to(2**32 - 1), integer_to(65535)


def is_string(v):
    return isinstance(v, str)


def one_of(*values):
    return lambda v: isinstance(v, str) and v in values


def list_of(check, least=0):
    return lambda v: isinstance(v, list) and len(v) >= least and all(check(item) for item in v)


def obj(needed, optional=None):
    """An object with exactly these members."""
    optional = optional or {}

    def check(v):
        if not isinstance(v, dict) or not set(needed) <= set(v):
            return False
        both = {**optional, **needed}
        return all(key in both and both[key](item) for key, item in v.items())

    return check


# --- 4.5 keys and signatures -----------------------------------------------------------------

P = 2**255 - 19
ELL = 2**252 + 27742317777372353535851937790883648493
EDWARDS_D = -121665 * pow(121666, -1, P) % P
SMALL_ORDER = {
    bytes.fromhex(h) for h in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
}


def is_point(encoded):
    """Canonical encoding of a point of the curve that is not of small order."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= P or encoded in SMALL_ORDER:
        return False
    x2 = (y * y - 1) * pow(EDWARDS_D * y * y + 1, -1, P) % P
    if x2 == 0:
        return sign == 0
    return pow(x2, (P - 1) // 2, P) == 1


def verify(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ELL or not is_point(r) or not is_point(key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)  # OpenSSL: cofactorless
        return True
    except InvalidSignature:
        return False


ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58_encode(data):
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = ALPHABET[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def base58_decode(text, length):
    """The bytes, when there are that many and this is their one spelling; else None."""
    if len(text) > 2 * length or not set(text) <= set(ALPHABET):
        return None
    number = 0
    for c in text:
        number = number * 58 + ALPHABET.index(c)
    if number >= 256**length:
        return None
    data = number.to_bytes(length, "big")
    return data if base58_encode(data) == text else None


def key_of(did):
    """The 32 bytes of a did:key, or None."""
    if not isinstance(did, str) or not did.startswith("did:key:z"):
        return None
    data = base58_decode(did[9:], 34)
    if data is None or data[:2] != b"\xed\x01" or not is_point(data[2:]):
        return None
    return data[2:]


def is_key(v):
    return key_of(v) is not None


# --- shapes of sections 5 to 8 ---------------------------------------------------------------

is_code = lambda v: isinstance(v, str) and bool(re.fullmatch("[a-z0-9-]{1,40}", v))
some = lambda check: list_of(check, 1)  # an optional list is never written empty
path = lambda v: isinstance(v, str) and is_part_path(v)

is_hidden = obj({"_sd": list_of(is_string), "_sd_alg": is_string})
is_warranty = obj({"system": is_text, "statement": is_text, "date": is_date}, {"invoice": is_text})
is_claim = obj(
    {
        "about": is_text, "says": is_text, "by": is_text, "rule": is_text, "date": is_date,
        "strength": one_of("self-declared", "supplier-warranty", "audited", "lab", "assay"),
    },
    {"attestation": lambda v: v is not None},
)
is_part = obj(
    {
        "path": path, "sha256": is_hash, "size": is_uint, "type": is_string,
        "role": one_of("photo", "episode", "note", "certificate", "other"),
        "metadata": obj(
            {"outcome": one_of("clean", "removed", "kept", "preserved", "unchecked")},
            {"removed": some(is_code), "reveals": some(is_code)},
        ),
    },
    {"title": is_text},
)
is_stone = obj(
    {
        "species": is_text,
        "formation": one_of("natural", "laboratory-grown", "imitation"),
        "treatment": one_of("untreated", "treated", "not-stated"),
    },
    {
        "treatments": some(is_text), "count": is_uint32, "laserInscription": is_text,
        "report": obj({"laboratory": is_text, "number": is_text}, {"date": is_date, "part": path}),
        "measurementsUm": lambda v: list_of(is_uint)(v) and len(v) == 3,
        "caratThousandths": is_uint, "colour": is_text, "clarity": is_text, "cut": is_text,
        "origin": is_text,
    },
)
is_piece = obj(
    {
        "id": is_piece_id, "format": is_string, "title": is_text, "firstLabel": is_hash,
        "metals": list_of(obj({"metal": is_text, "fineness": is_uint16},
                              {"colour": is_text, "weightMg": is_uint})),
        "maker": obj({"name": is_text, "successor": is_key},
                     {"domain": is_domain, "place": is_text}),
        "claims": list_of(is_claim), "parts": list_of(is_part),
    },
    {
        "kind": is_text, "serial": is_text, "size": is_text, "inscription": is_text,
        "gs1": obj({"gtin": is_string}, {"serial": is_text, "digitalLink": is_text}),
        "weightMg": is_uint,
        "hallmark": obj({}, {
            "sponsorMark": is_text, "finenessMark": is_text, "assayOfficeMark": is_text,
            "otherMarks": some(is_text),
            "exemption": obj({"rule": is_text, "belowMg": is_uint}),
        }),
        "stones": some(is_stone),
        "origin": obj({"statement": is_text}, {"kimberleyCertificate": is_text}),
        "warranties": some(is_warranty),
        "materials": some(obj({"name": is_text},
                              {"supplier": is_text, "certificate": is_text, "part": path})),
        "hidden": is_hidden, "story": some(path),
    },
)
KINDS = {  # 7.2
    "made": ("commissioning", "active"), "set": ("assembling", "active"),
    "inspected": ("inspecting", None), "sold": ("retail_selling", "retail_sold"),
    "returned": ("receiving", "returned"), "serviced": ("repairing", None),
    "reportedStolen": (None, "stolen"), "recovered": (None, "active"),
    "transferred": (None, None), "destroyed": ("destroying", "destroyed"),
}
is_event = obj(
    {
        "id": is_piece_id, "kind": one_of(*KINDS), "sequence": is_uint32, "previous": is_hash,
        "label": is_hash, "nextLabel": is_hash,
    },
    {
        "resumeLabel": is_hash, "bizStep": is_string, "disposition": is_string,
        "occurred": is_date, "by": is_text, "note": is_text, "owner": is_key,
        "setting": obj({"stone": is_uint32}, {"report": is_text}),
        "claims": some(is_claim), "warranties": some(is_warranty), "hidden": is_hidden,
        "parts": some(is_part),
    },
)
is_status = obj(
    {
        "id": is_piece_id, "manifest": is_hash, "head": is_hash, "events": is_uint32,
        "status": one_of("current", "revoked", "stolen"),
    },
    {"reason": is_text},
)
is_attestation = obj({"id": is_piece_id, "claim": is_claim, "value": lambda v: True})
SUBJECTS = {
    "HallmarkPiece": is_piece, "HallmarkEvent": is_event, "HallmarkStatus": is_status,
    "HallmarkAttestation": is_attestation,
}
MAY_END = ("HallmarkEvent", "HallmarkStatus")


# --- 4.6 opening -----------------------------------------------------------------------------


class Document:
    def __init__(self, document, signers):
        self.subject = document["credentialSubject"]
        self.issuer = document["issuer"]
        self.valid_from = unix(document["validFrom"])
        self.valid_until = unix(document.get("validUntil"))
        self.signers = signers


def open_bytes(data, kind):
    value = strict_json(data)
    need(jcs(value) == data, "json-not-canonical")
    need(all_plain(value), "control-characters")
    return open_value(value, kind)


def open_value(value, kind):
    need(isinstance(value, dict) and "proof" in value, "proof-shape")
    bare = {key: item for key, item in value.items() if key != "proof"}
    proofs = value["proof"] if isinstance(value["proof"], list) else [value["proof"]]
    need(not isinstance(value["proof"], list) or 2 <= len(proofs) <= 8, "proof-shape")
    signers = []
    for proof in proofs:
        did = check_proof(proof, bare)
        need(did not in signers, "proof-shape")
        signers.append(did)
    members = {
        "@context": lambda v: v == CONTEXTS, "type": lambda v: v == ["VerifiableCredential", kind],
        "issuer": is_key, "validFrom": is_timestamp, "credentialSubject": SUBJECTS[kind],
    }
    ends = {"validUntil": is_timestamp} if kind in MAY_END else {}
    need(obj(members, ends)(bare), "document-shape")
    need(signers[0] == bare["issuer"], "issuer")
    return Document(bare, signers)


def check_proof(proof, bare):
    need(isinstance(proof, dict), "proof-shape")
    method = proof.get("verificationMethod")
    did, hash_sign, fragment = method.partition("#") if isinstance(method, str) else ("", "", "")
    key = key_of(did)
    need(key and hash_sign and fragment == did[8:], "proof-shape")
    need(is_timestamp(proof.get("created")), "proof-shape")
    value = proof.get("proofValue")
    need(isinstance(value, str) and value.startswith("z"), "proof-shape")
    signature = base58_decode(value[1:], 64)
    need(signature is not None, "proof-shape")
    config = {name: item for name, item in proof.items() if name != "proofValue"}
    expected = {
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": proof["created"],
        "verificationMethod": method, "proofPurpose": "assertionMethod",
    }
    if "@context" in bare:
        expected["@context"] = bare["@context"]
    need(config == expected, "proof-shape")
    digests = hashlib.sha256(jcs(config)).digest() + hashlib.sha256(jcs(bare)).digest()
    need(verify(key, digests, signature), "signature")
    return did


# --- 5.3 across fields, 5.4 media types ------------------------------------------------------


def check_piece(piece):
    def holds(condition):
        need(condition, "manifest")

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


RATES = (44100, 48000, 32000)
KBPS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def frame(head, at):
    """(version, rate, length) of an MPEG audio frame header, or None."""
    header = head[at:at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, sampling, index = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or sampling == 3 or not 1 <= index <= 14:
        return None
    rate = RATES[sampling] // {3: 1, 2: 2, 0: 4}[version]
    factor = 144000 if version == 3 else 72000
    length = factor * KBPS[version == 3][index - 1] // rate + (header[2] >> 1 & 1)
    return version, rate, length


def is_mpeg_audio(head):
    first = frame(head, 0)
    if not first:
        return False
    if len(head) < first[2] + 4:
        return True
    second = frame(head, first[2])
    return bool(second) and second[:2] == first[:2]


def brand(head):
    size = int.from_bytes(head[:4], "big")
    brands = head[8:min(size, len(head))] if size > 8 else b""
    groups = [brands[i:i + 4] for i in range(0, len(brands) - 3, 4)]
    if not groups:
        return None
    major, compatible = groups[0], groups[2:]
    avif = (b"avif", b"avis")
    if major in avif or (major in (b"mif1", b"msf1") and any(b in avif for b in compatible)):
        return "avif"
    if major in (b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"):
        return "heic"
    return None if major in (b"crx ", b"jp2 ", b"jpx ", b"jxl ", b"jpm ") else "mp4"


def kind_of(head):
    starts = [
        (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"OggS", "ogg"),
        (b"fLaC", "flac"), (b"%PDF-", "pdf"),
    ]
    for start, kind in starts:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE"):
        return "webp" if head[8:12] == b"WEBP" else "wav"
    if head.startswith(b"ID3") or is_mpeg_audio(head):
        return "mp3"
    if head[4:8] == b"ftyp":
        return brand(head)
    return "mp4" if head[4:8] in (b"moov", b"mdat", b"wide") else None


TYPES = {
    "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "image/heic": "heic",
    "image/avif": "avif", "video/mp4": "mp4", "audio/mp4": "mp4", "video/quicktime": "mp4",
    "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/flac": "flac", "audio/wav": "wav",
    "application/pdf": "pdf",
}


def media_type_fits(stated, content):
    head = content[:4096]
    if stated == "application/octet-stream":
        return True
    if stated in ("text/plain", "text/markdown"):
        try:
            head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":  # else cut inside a well-formed character
                return False
        return b"\0" not in head
    return stated in TYPES and kind_of(head) == TYPES[stated]


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
        self.last = manifest.valid_from
        self.stolen = None
        self.destroyed = False

    def follow(self, event, file_hash):
        subject, kind, number = event.subject, event.subject["kind"], len(self.hashes)
        need(subject["id"] == self.piece["id"], "other-piece")
        if subject["previous"] != self.hashes[-1]:
            raise Problem("chain-forked" if subject["previous"] in self.hashes else "chain-broken")
        need(subject["sequence"] == number and subject["label"] == self.label
             and subject["nextLabel"] != self.label and event.valid_from >= self.last,
             "chain-broken")
        need(self.fields_fit(event), "event-field")
        need(not self.destroyed and (kind == "made") == (number == 1), "event-not-here")
        self.check_signers(kind, subject.get("owner"), event.signers)
        if kind in ("sold", "transferred"):
            self.owner = subject["owner"]
        elif kind == "returned":
            self.owner = self.studio
        elif kind == "reportedStolen":
            self.stolen = (event.valid_from, event.valid_until)
        elif kind == "recovered":
            self.stolen = None
        elif kind == "destroyed":
            self.destroyed = True
        self.hashes.append(file_hash)
        self.label, self.last = subject["nextLabel"], event.valid_from

    def fields_fit(self, event):
        subject, kind = event.subject, event.subject["kind"]
        step, disposition = KINDS[kind]
        if kind == "reportedStolen":
            until, most = event.valid_until, min(event.valid_from + 366 * 86400, END_OF_TIME)
            ends = until is not None and event.valid_from < until <= most
        else:
            ends = event.valid_until is None
        setting_fits = ("setting" in subject) == (kind == "set")
        if "setting" in subject:
            stones, at = self.piece.get("stones", []), subject["setting"]["stone"]
            report = subject["setting"].get("report")
            setting_fits &= (at < len(stones)
                             and report == stones[at].get("report", {}).get("number"))
        return (("owner" in subject) == (kind in ("sold", "transferred"))
                and ("resumeLabel" not in subject or kind == "transferred")
                and setting_fits and ends
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
        events = sum(len(content) for name, content in self.content.items() if name[:7] == "events/")
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
        self.attempt(check_piece, piece)
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
        if self.status.signers != [self.manifest.issuer]:
            self.problems.append("status-signer")
        if status["id"] != self.manifest.subject["id"] or status["manifest"] != hashes[0]:
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
    if status.valid_from > now + 300:
        return "not-yet-valid"
    if status.valid_until is None or now > status.valid_until:
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
