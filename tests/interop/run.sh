#!/usr/bin/env bash
# Holds files written by our command line against tools nobody here wrote. Sets up what it needs
# under target/interop, runs every check, and ends with the line "N passed, M failed".
#
#     tests/interop/run.sh [PATH-OF-THE-HALLMARK-BINARY]
#
# What cannot be installed is named in a line that begins with "skipped:"; a check that fails or
# stops early fails the run.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
target=$(cd "$root" && mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
work=$target/interop
mkdir -p "$work"
passed=0
failed=0

# Runs one set of checks; its last line says how many passed and failed.
suite() {
    local name=$1
    shift
    echo "== $name"
    local log="$work/$name.log" code=0
    "$@" 2>&1 | tee "$log" || code=$?
    local counted
    counted=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    if [[ $code == 77 ]]; then
        grep -q '^skipped: ' "$log" || echo "skipped: $name"
    elif [[ -n $counted ]]; then
        read -r p _ f _ <<<"${counted//,/}"
        passed=$((passed + p))
        failed=$((failed + f))
        if [[ $code != 0 && $f == 0 ]]; then
            echo "FAILED $name: exit $code"
            failed=$((failed + 1))
        fi
    else
        echo "FAILED $name: it stopped early (exit $code)"
        failed=$((failed + 1))
    fi
}

# The Python and node packages, once per pinned list.
python=
install_python() {
    command -v python3 >/dev/null || { echo "skipped: python3 not installed"; return; }
    local venv=$work/venv stamp=$work/venv/requirements.txt
    if ! cmp -s "$here/requirements.txt" "$stamp"; then
        rm -rf "$venv"
        python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check \
            -r "$here/requirements.txt" && cp "$here/requirements.txt" "$stamp" || {
            echo "skipped: the packages of requirements.txt cannot be installed from here"
            return
        }
    fi
    python=$venv/bin/python3
}

node=
install_node() {
    command -v npm >/dev/null || { echo "skipped: npm not installed"; return; }
    local folder=$work/node
    mkdir -p "$folder"
    if ! cmp -s "$here/node/package-lock.json" "$folder/installed.json"; then
        cp "$here/node/package.json" "$here/node/package-lock.json" "$folder/"
        (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) || {
            echo "skipped: the packages of package-lock.json cannot be installed from here"
            return
        }
        cp "$here/node/package-lock.json" "$folder/installed.json"
    fi
    # The scripts lie beside the packages that they import.
    cp "$here"/node/*.mjs "$folder/"
    node=$folder
}

if [[ $# -gt 0 ]]; then
    hallmark=$1
else
    cargo build --quiet --locked -p hallmark-cli || exit 1
    cargo build --quiet --locked -p hallmark-vault --example provenance_file || exit 1
    cargo build --quiet --locked -p hallmark-api --example large_log || exit 1
    hallmark=$target/debug/hallmark
fi
export HALLMARK=$hallmark
install_python
install_node

files=$work/files
rm -rf "$files"
if ! "$here/files.sh" "$files" >"$work/files.log" 2>&1; then
    cat "$work/files.log"
    echo "FAILED files.sh: our own command line did not write the files"
    failed=$((failed + 1))
else
    suite outside-tools "$here/outside_tools.sh" "$files"
    if [[ -n $node ]]; then
        suite credentials node "$node/credentials.mjs" "$files"
        suite disclosures node "$node/disclosures.mjs" "$files"
    fi
    if [[ -n $python ]]; then
        suite disclosures-python "$python" "$here/disclosures.py" "$files"
        suite zipfile-python "$python" "$here/container.py" "$files"
        suite format "$here/format.sh" "$files" "$python"
    fi
fi
if [[ -n $python ]]; then
    suite cobblestone "$python" "$here/cobblestone.py"
    suite openapi "$python" "$here/openapi.py"
    suite schema "$here/schema.sh" "$hallmark" "$(dirname "$python")/schemathesis"
fi

suite sumdb "$here/sumdb.sh" "$hallmark" "$work"

# The second reader, written from FORMAT.md alone, against ours, on spoilt files.
example=$(dirname "$hallmark")/examples/provenance_file
if [[ ! -x $example ]]; then
    echo "skipped: format-mutations (no $example: cargo build -p hallmark-vault --example provenance_file)"
elif [[ -n $python ]]; then
    rm -rf "$work/format"
    if "$example" write "$work/format"; then
        suite format-mutations "$python" "$here/format_mutate.py" "$work/format" "$example"
    else
        echo "FAILED format-mutations: the example did not write its files"
        failed=$((failed + 1))
    fi
fi

echo
echo "$passed passed, $failed failed"
[[ $failed == 0 && $passed != 0 ]]
