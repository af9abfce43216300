"""The OpenAPI document as the running service serves it, against a validator nobody here wrote.

    openapi.py      (HALLMARK names the command line)
"""

import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_schema_validator import OAS31Validator

passed = failed = 0


def check(name, errors):
    global passed, failed
    if errors:
        failed += 1
        print(f"FAILED {name}")
        for error in errors[:10]:
            print(f"    {error}")
    else:
        passed += 1


def served():
    """The document, from a service of its own."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command = [os.environ["HALLMARK"], "serve", "--data", folder / "data", "--listen"]
        command += ["127.0.0.1:0", "--ready-file", folder / "ready"]
        service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                if (folder / "ready").exists():
                    break
                time.sleep(0.1)
            address = (folder / "ready").read_text().strip()
            with urllib.request.urlopen(f"http://{address}/openapi.json", timeout=10) as answer:
                return json.load(answer)
        finally:
            service.terminate()
            service.wait()


def wrong(document):
    return [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


document = served()
check("the document is OpenAPI 3.1", wrong(document))
for name, schema in document["components"]["schemas"].items():
    try:
        OAS31Validator.check_schema(schema)
        check(f"schema {name}", [])
    except Exception as error:  # whatever is wrong with it
        check(f"schema {name}", [error])
names = [operation.get("operationId") for _, operation in operations(document)]
check("operation ids are one of a kind", [] if len(set(names)) == len(names) else names)
for name, operation in operations(document):
    declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
    in_path = {part[1:-1] for part in name.split("/") if part.startswith("{")}
    check(f"{name}: parameters", [] if declared == in_path else [declared ^ in_path])

# The controls: what is broken is found.
for name, spoil in [
    ("a response without words", lambda d: d["paths"]["/v1/service"]["get"]["responses"]["200"].pop("description")),
    ("no title", lambda d: d["info"].pop("title")),
    ("a reference to nothing", lambda d: d["components"]["schemas"].pop("ServiceInfo")),
]:
    spoilt = copy.deepcopy(document)
    spoil(spoilt)
    try:
        found = bool(wrong(spoilt))
    except Exception:  # a reference that leads nowhere is raised
        found = True
    check(f"control: {name}", [] if found else ["it was not found"])

print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
