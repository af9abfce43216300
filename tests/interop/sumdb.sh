#!/usr/bin/env bash
# Go's sumdb packages (Debian: golang-golang-x-mod-dev) read logs that our command line published: the
# tour's, and one of several thousand entries.
#
#     tests/interop/sumdb.sh HALLMARK WORK
set -euo pipefail
hallmark=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
packages=/usr/share/gocode
if ! command -v go >/dev/null || [[ ! -d $packages/src/golang.org/x/mod/sumdb/tlog ]]; then
    echo "skipped: Go or golang-golang-x-mod-dev not installed"
    exit 77
fi
mkdir -p "$work/sumdb"
export GO111MODULE=off GOPATH=$packages GOCACHE=$work/gocache GOFLAGS=-trimpath
(cd "$here/sumdb" && gofmt -l . && go vet . && go build -o "$work/sumdb/sumdb" .)

rm -rf "$work/sumdb/tour" "$work/sumdb/large"
HALLMARK_HOME=$work/sumdb/home "$hallmark" tour --out "$work/sumdb/tour" >/dev/null
"$(dirname "$hallmark")/examples/large_log" "$work/sumdb/large" 70000

passed=0 failed=0
for log in "$work/sumdb/tour/log" "$work/sumdb/large"; do
    said=$("$work/sumdb/sumdb" "$log" | tee /dev/stderr | tail -n 1) || true
    read -r p _ f _ <<<"${said//,/}"
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-1}))
done
echo "$passed passed, $failed failed"
