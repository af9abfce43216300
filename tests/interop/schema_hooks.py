"""Signs the requests that schemathesis makes (RFC 9421, the profile of /openapi.json), so that they
reach what is behind the signature."""

import base64
import hashlib
import os
import time
from urllib.parse import urlsplit

import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.auth import AuthBase

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")'


def did_key(public: bytes) -> str:
    """did:key of an Ed25519 key: multicodec 0xed01, base58btc."""
    number, text = int.from_bytes(b"\xed\x01" + public, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "did:key:z" + text


class Signed(AuthBase):
    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.id = did_key(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def __call__(self, request):
        url, body = urlsplit(request.url), request.body or b""
        body = body.encode() if isinstance(body, str) else body
        if not isinstance(body, bytes):
            return request
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        digest = f"sha-256=:{digest}:"
        nonce = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        # A little ahead: reads signed before the service started do not count.
        params = (
            f'{COMPONENTS};created={int(time.time()) + 20};nonce="{nonce}";keyid="{self.id}"'
            ';alg="ed25519";tag="hallmark/request/v1"'
        )
        lines = [
            ("@method", request.method),
            ("@authority", url.netloc),
            ("@path", url.path),
            ("@query", "?" + url.query),
            ("content-digest", digest),
        ]
        base = "".join(f'"{name}": {value}\n' for name, value in lines)
        base += f'"@signature-params": {params}'
        signature = base64.b64encode(self.key.sign(base.encode())).decode()
        request.headers["content-digest"] = digest
        request.headers["signature-input"] = f"hm={params}"
        request.headers["signature"] = f"hm=:{signature}:"
        return request


schemathesis.auth.set_from_requests(Signed())
