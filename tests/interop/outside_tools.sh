#!/usr/bin/env bash
# Follows VERIFY.txt to the letter, with the tools it names.
#
#     outside_tools.sh FOLDER     (as files.sh leaves it)
set -uo pipefail
files=$(cd "$1" && pwd)
passed=0
failed=0
told=$(mktemp)
trap 'rm -f "$told"' EXIT

check() {
    local name=$1
    shift
    if "$@" >"$told" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name"
        sed 's/^/    /' "$told"
    fi
}
refused() { ! "$@"; }
for tool in unzip sha256sum minisign; do
    command -v $tool >/dev/null || { echo "skipped: $tool not installed"; exit 77; }
done

# The commands of VERIFY.txt: the lines it indents by seven spaces.
expected=$'unzip piece.hallmark -d piece && cd piece\nsha256sum -c SHA256SUMS\nminisign -V -p studio.pub -m SHA256SUMS'

for name in minted sold revoked; do
    place=$(mktemp -d)
    cp "$files/$name.hallmark" "$place/piece.hallmark"
    check "$name: unzip -t" unzip -tq "$place/piece.hallmark"
    check "$name: VERIFY.txt names the commands run here" \
        test "$(unzip -p "$place/piece.hallmark" VERIFY.txt | sed -n 's/^       //p')" = "$expected"
    cd "$place" || exit 1
    check "$name: unpacks" unzip -q piece.hallmark -d piece
    cd piece || exit 1
    cp "$files/studio.pub" ../studio.pub
    check "$name: sha256sum -c" sha256sum --strict -c SHA256SUMS
    # Every line says OK, and nothing lies here that the list does not name.
    check "$name: nothing is unlisted" diff \
        <(find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.minisig | sed 's|^\./||' | sort) \
        <(sed 's/^[0-9a-f]\{64\}  //' SHA256SUMS | sort)
    check "$name: minisign -V" minisign -V -p ../studio.pub -m SHA256SUMS
    # The controls: other bytes, another list, another key.
    printf x >>manifest.json
    check "$name: sha256sum refuses a changed file" refused sha256sum --status -c SHA256SUMS
    printf '%064d  x\n' 0 >>SHA256SUMS
    check "$name: minisign refuses a changed list" refused minisign -V -p ../studio.pub -m SHA256SUMS
    minisign -G -W -f -p ../other.pub -s ../other.key >/dev/null 2>&1
    unzip -qo ../piece.hallmark SHA256SUMS
    check "$name: minisign refuses another key" refused minisign -V -p ../other.pub -m SHA256SUMS
    cd / && rm -rf "$place"
done

# The plain folder is the same.
place=$(mktemp -d)
check "export" "$HALLMARK" --home "$place/home" piece export "$files/sold.hallmark" --to "$place/out"
cd "$place/out" || exit 1
check "export: sha256sum -c" sha256sum --strict -c SHA256SUMS
check "export: minisign -V" minisign -V -p "$files/studio.pub" -m SHA256SUMS
cd / && rm -rf "$place"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
