#!/usr/bin/env python3
"""Reads the container with Python's own zipfile, and the chain of VERIFY.txt's step 5 by hand.

    container.py FOLDER     (as files.sh leaves it)
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

passed = 0
failed = 0


def check(name: str, holds: bool) -> None:
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(path: Path) -> None:
    name = path.stem
    with zipfile.ZipFile(path) as archive:
        check(f"{name}: CRCs", archive.testzip() is None)
        infos = archive.infolist()
        names = [info.filename for info in infos]
        check(f"{name}: no name twice", len(set(names)) == len(names))
        check(f"{name}: stored", all(i.compress_type == zipfile.ZIP_STORED for i in infos))
        manifest_bytes = archive.read("manifest.json")
        manifest = json.loads(manifest_bytes)
        status = json.loads(archive.read("status/status.json"))
        events = sorted(n for n in names if n.startswith("events/"))
        documents = [manifest, *(json.loads(archive.read(event)) for event in events)]
        parts = [p for d in documents for p in d["credentialSubject"].get("parts", [])]
        check(f"{name}: there are parts", len(parts) >= 4)
        for part in parts:
            content = archive.read(part["path"])
            same = part["sha256"] == sha256(content) and part["size"] == len(content)
            check(f"{name}: {part['path']} is what was listed", same)
        head = sha256(manifest_bytes)
        for event in events:
            data = archive.read(event)
            check(f"{name}: {event} continues", json.loads(data)["credentialSubject"]["previous"] == head)
            head = sha256(data)
        check(f"{name}: the status names the head", status["credentialSubject"]["head"] == head)
        check(f"{name}: and counts", status["credentialSubject"]["events"] == len(events))


for file in ("minted", "sold", "revoked"):
    read(Path(sys.argv[1]) / f"{file}.hallmark")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
