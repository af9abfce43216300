#!/usr/bin/env python3
"""Opens our hidden fields with PyPI `sd-jwt`: each disclosure hashes to a digest that is signed, and
says the name and the value it should.

    disclosures.py FOLDER     (as files.sh leaves it)
"""

import json
import sys
import zipfile
from pathlib import Path

from sd_jwt.common import SDJWTCommon

passed = 0
failed = 0


def check(name: str, holds: bool) -> None:
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}")


def hidden(path: Path) -> dict[str, list[str]]:
    """The signed digests, by document."""
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n == "manifest.json" or n.startswith("events/")]
        subjects = {n: json.loads(archive.read(n))["credentialSubject"] for n in names}
    return {n: s["hidden"]["_sd"] for n, s in subjects.items() if "hidden" in s}


class Reader(SDJWTCommon):
    """The package's own reading of disclosures."""

    def opened(self, disclosure: str) -> tuple[str, list]:
        digest = self._b64hash(disclosure.encode("ascii"))
        return digest, json.loads(self._base64url_decode(disclosure))


def reader() -> Reader:
    return Reader("compact")


folder = Path(sys.argv[1])
cases = [
    ("minted", "manifest.json", "price", {"amountMinor": 189000, "currency": "EUR", "decimals": 2}),
    ("minted", "manifest.json", "commissioned", "A friend of the house"),
    ("sold", "events/0003.json", "sale-price", {"amountMinor": 189000, "currency": "EUR", "decimals": 2}),
]
names = {"price": "price", "commissioned": "commissioned_by", "sale-price": "price"}
for file, document, disclosure, value in cases:
    digests = hidden(folder / f"{file}.hallmark")
    line = (folder / f"{disclosure}.disclosure").read_text().strip()
    digest, (salt, name, found) = reader().opened(line)
    check(f"{disclosure}: its digest is signed in {document}", digest in digests[document])
    check(f"{disclosure}: name", name == names[disclosure])
    check(f"{disclosure}: value", found == value)
    check(f"{disclosure}: 128 bits of salt", len(reader()._base64url_decode(salt)) == 16)
    elsewhere = [d for n, d in digests.items() if n != document]
    check(f"{disclosure}: opens nothing else", all(digest not in d for d in elsewhere))
    other = line[:-2] + ("AA" if line[-2:] != "AA" else "BB")
    other_digest = reader()._b64hash(other.encode("ascii"))
    check(f"{disclosure}: a changed one opens nothing", all(other_digest not in d for d in digests.values()))
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
