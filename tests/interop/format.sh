#!/usr/bin/env bash
# Holds our reader against format_check.py, which was written from vault/FORMAT.md alone, on the
# files of files.sh. format_mutate.py does the same on spoilt files.
#
#     format.sh FOLDER PYTHON     (FOLDER as files.sh leaves it; HALLMARK names the binary)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
files=$(cd "$1" && pwd)
python=$2
passed=0
failed=0
verdict() {
    if [[ $2 == "$3" ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $1: format_check says $2, hallmark says $3"
    fi
}

did=$(sed -n '1s/.*\(did:key:z[1-9A-HJ-NP-Za-km-z]*\).*/\1/p' "$files/studio.pub")
home=$(mktemp -d)
for name in minted sold revoked; do
    for when in "" "--at 2020-01-01T00:00:00Z" "--at 2090-01-01T00:00:00Z"; do
        # shellcheck disable=SC2086 # $when is two words or none
        "$python" "$here/format_check.py" "$files/$name.hallmark" --trust "$did" $when >/dev/null
        theirs=$?
        # shellcheck disable=SC2086
        "$HALLMARK" --home "$home" verify "$files/$name.hallmark" --trust "$files/studio.pub" $when \
            >/dev/null
        verdict "$name $when" "$theirs" "$?"
        # shellcheck disable=SC2086
        "$python" "$here/format_check.py" "$files/$name.hallmark" $when >/dev/null
        verdict "$name $when, unpinned" "$?" 5
    done
done
rm -rf "$home"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
