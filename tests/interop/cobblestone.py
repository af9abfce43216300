#!/usr/bin/env python3
"""Checks our Cobblestone-256 against that of PyPI `cryptography` 50, both ways.

    cobblestone.py [PATH-OF-THE-EXAMPLE-BINARY]

Without a path it builds and runs `cargo run -p hallmark-core --example blob`. Exits 1 on the first
run of checks that does not agree, and 77 (skipped) where the Python package is missing.
"""

import os
import subprocess
import sys
from pathlib import Path

try:
    from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
except ImportError:
    print("skipped: PyPI cryptography 50 or later is not installed")
    sys.exit(77)

CHUNK = 16 * 1024
SEALED_CHUNK = CHUNK + 16
HEADER = 56
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 40_000, 1 << 20]
CONTEXTS = [b"", b"hallmark/blob/v1/file", bytes(range(256))]

passed = 0
failed = 0


def check(name: str, holds: bool) -> None:
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}")


def example() -> list[str]:
    if len(sys.argv) > 1:
        return [sys.argv[1]]
    root = Path(__file__).resolve().parents[2]
    build = ["cargo", "build", "--quiet", "-p", "hallmark-core", "--example", "blob"]
    subprocess.run(build, cwd=root, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return [str(root / target / "debug" / "examples" / "blob")]


def ours(verb: str, key: bytes, context: bytes, data: bytes) -> bytes | None:
    """Our output, or None when the program refuses."""
    run = subprocess.run(
        [*COMMAND, verb, key.hex(), context.hex()], input=data, capture_output=True, check=False
    )
    if run.returncode not in (0, 1):
        raise SystemExit(f"{verb}: exit {run.returncode}: {run.stderr.decode()}")
    return run.stdout if run.returncode == 0 else None


def theirs_seal(key: bytes, context: bytes, data: bytes) -> bytes:
    encryptor = Cobblestone256Encryptor(key, context)
    return bytes(encryptor.update(data)) + bytes(encryptor.finalize())


def theirs_open(key: bytes, context: bytes, data: bytes) -> bytes | None:
    try:
        decryptor = Cobblestone256Decryptor(key, context)
        return bytes(decryptor.update(data)) + bytes(decryptor.finalize())
    except Exception:  # noqa: BLE001 - whichever class it uses, it refused
        return None


def altered(sealed: bytes) -> dict[str, bytes]:
    """Messages that neither side may open."""
    chunks = (len(sealed) - HEADER) // SEALED_CHUNK
    cases = {
        "cut at a chunk boundary": sealed[: HEADER + chunks * SEALED_CHUNK],
        "header only": sealed[:HEADER],
        "half a header": sealed[: HEADER // 2],
        "last byte missing": sealed[:-1],
        "one byte more": sealed + b"\0",
        "salt flipped": bytes([sealed[0] ^ 1]) + sealed[1:],
        "commitment flipped": sealed[:30] + bytes([sealed[30] ^ 1]) + sealed[31:],
        "last tag flipped": sealed[:-1] + bytes([sealed[-1] ^ 1]),
    }
    if chunks >= 2:
        first = sealed[HEADER : HEADER + SEALED_CHUNK]
        second = sealed[HEADER + SEALED_CHUNK : HEADER + 2 * SEALED_CHUNK]
        rest = sealed[HEADER + 2 * SEALED_CHUNK :]
        cases["chunks swapped"] = sealed[:HEADER] + second + first + rest
        cases["chunk dropped"] = sealed[:HEADER] + first + rest
    return cases


COMMAND = example()

for size in SIZES:
    for context in CONTEXTS:
        key, plaintext = os.urandom(32), os.urandom(size)
        name = f"{size} bytes, context of {len(context)}"
        by_us, by_them = ours("seal", key, context, plaintext), theirs_seal(key, context, plaintext)
        check(f"{name}: same length", by_us is not None and len(by_us) == len(by_them))
        check(f"{name}: they open ours", theirs_open(key, context, by_us or b"") == plaintext)
        check(f"{name}: we open theirs", ours("open", key, context, by_them) == plaintext)
        check(f"{name}: other key", ours("open", os.urandom(32), context, by_them) is None)
        check(f"{name}: other context", ours("open", key, context + b"x", by_them) is None)

    sealed = theirs_seal(key, b"", plaintext)
    for name, message in altered(sealed).items():
        check(f"{size} bytes, {name}: we refuse", ours("open", key, b"", message) is None)
        check(f"{size} bytes, {name}: they refuse", theirs_open(key, b"", message) is None)

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
