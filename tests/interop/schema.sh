#!/usr/bin/env bash
# schemathesis against a running service and its own OpenAPI document: no server error, and no answer
# that the document does not describe. Requests are signed, and once more unsigned.
#
#     tests/interop/schema.sh HALLMARK SCHEMATHESIS
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hallmark=$1 schemathesis=$2
work=$(mktemp -d)
"$hallmark" serve --data "$work/data" --key-file "$work/key" --listen 127.0.0.1:0 \
    --ready-file "$work/ready" --log-level error >"$work/log" 2>&1 &
service=$!
trap 'kill $service 2>/dev/null; wait $service 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [[ -s $work/ready ]] && break
    sleep 0.1
done
[[ -s $work/ready ]] || { cat "$work/log"; echo "FAILED: the service did not start"; exit 1; }
address=http://$(cat "$work/ready")
passed=0 failed=0
for how in signed unsigned; do
    hooks=
    [[ $how == signed ]] && hooks=$here/schema_hooks.py
    if (cd "$work" && SCHEMATHESIS_HOOKS=$hooks "$schemathesis" run "$address/openapi.json" \
        --phases examples,coverage,fuzzing --max-examples 8 --seed 1 --max-time 25 \
        --rate-limit 80/s --warnings off --no-color \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance); then
        passed=$((passed + 1))
    else
        echo "FAILED: $how requests"
        failed=$((failed + 1))
    fi
done
# The service had nothing to complain about, itself included.
if ! grep -qiE 'error|panic' "$work/log"; then
    passed=$((passed + 1))
else
    cat "$work/log"
    failed=$((failed + 1))
fi
# The control: what is signed like that is let in.
let_in='import sys, requests, schema_hooks
sys.exit(requests.get(sys.argv[1], auth=schema_hooks.Signed()).status_code != 200)'
if PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$(dirname "$schemathesis")/python3" -c "$let_in" \
    "$address/v1/membership"; then
    passed=$((passed + 1))
else
    echo "FAILED: a signed request was not let in"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
