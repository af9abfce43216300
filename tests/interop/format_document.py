"""Signed documents of a .hallmark file: sections 4 to 8 of vault/FORMAT.md as far as one document
alone shows them (JSON, text, keys, signatures, members and types)."""

import datetime
import hashlib
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXTS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/undefined-terms/v2",
]


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


# --- 3 names of parts ------------------------------------------------------------------------

DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)")


def is_file_name(name):
    return bool(
        re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,79}", name)
        and not name.endswith(".") and ".." not in name and not DEVICE.match(name)
    )


def is_part_path(name):
    folder, slash, file = name.partition("/")
    return folder in ("certs", "media", "notes") and bool(slash) and is_file_name(file)


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
        "occurred": is_date, "until": is_timestamp, "by": is_text, "note": is_text, "owner": is_key,
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
is_attestation = obj(
    {"id": is_piece_id, "claim": is_claim, "value": lambda v: True},
    {"parts": lambda v: isinstance(v, dict) and v and all(map(path, v)) and all(map(is_hash, v.values()))},
)
SUBJECTS = {
    "HallmarkPiece": is_piece, "HallmarkEvent": is_event, "HallmarkStatus": is_status,
    "HallmarkAttestation": is_attestation,
}


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
    ends = {"validUntil": is_timestamp} if kind == "HallmarkStatus" else {}
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
