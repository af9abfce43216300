#!/usr/bin/env bash
# Writes, with our command line, the files that the other scripts hold against foreign tools.
#
#     files.sh FOLDER        (HALLMARK names the binary)
#
#     studio.pub  minted.hallmark  sold.hallmark  revoked.hallmark  price.disclosure
#     commissioned.disclosure  sale-price.disclosure
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
samples=$here/../../cli/tests/files/tidewater
mkdir -p "$1"
cd "$1"
(umask 077 && echo "an interop passphrase" >passphrase)
export HALLMARK_PASSPHRASE_FILE=$PWD/passphrase HALLMARK_HOME=$PWD/home
studio() { "$HALLMARK" --profile studio "$@"; }
buyer() { "$HALLMARK" --profile buyer "$@"; }

studio studio init --name "Inês Prata" --domain ines.example --pub-out studio.pub \
    --successor-out successor.txt
studio piece mint --from "$samples" --out minted.hallmark
cp minted.hallmark sold.hallmark
studio piece event sold.hallmark --kind inspected --note "Looked at under the loupe" \
    --with "$samples/detail.png"
buyer piece offer sold.hallmark --out offer.json
studio piece event sold.hallmark --kind sold --offer offer.json --price "1890.00 EUR" \
    --buyer "A friend" --warranty "Set stones for two years" --draft draft.json
buyer piece countersign sold.hallmark draft.json --yes
studio piece append sold.hallmark draft.json
studio piece status minted.hallmark --revoke --reason "Minted by mistake" --out revoked.hallmark
studio piece disclose minted.hallmark --field price --out price.disclosure
studio piece disclose minted.hallmark --field commissioned_by --out commissioned.disclosure
buyer piece disclose sold.hallmark --field price --out sale-price.disclosure
