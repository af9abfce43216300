// Opens our hidden fields with the `@sd-jwt` libraries of the OpenWallet Foundation.
//
//     node disclosures.mjs FOLDER     (as files.sh leaves it)

import {digest} from '@sd-jwt/crypto-nodejs';
import {decodeSdJwt} from '@sd-jwt/decode';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {check, finish} from './tally.mjs';
import {json} from './zip.mjs';

const folder = process.argv[2];
const b64 = value => Buffer.from(JSON.stringify(value)).toString('base64url');

// [file, document, disclosure, name, value]
const cases = [
  ['minted', 'manifest.json', 'price', 'price', {amountMinor: 189000, currency: 'EUR', decimals: 2}],
  ['minted', 'manifest.json', 'commissioned', 'commissioned_by', 'A friend of the house'],
  ['sold', 'events/0003.json', 'sale-price', 'price',
    {amountMinor: 189000, currency: 'EUR', decimals: 2}],
];
for(const [file, document, disclosure, name, value] of cases) {
  const {hidden} = json(join(folder, `${file}.hallmark`), document).credentialSubject;
  const line = readFileSync(join(folder, `${disclosure}.disclosure`), 'utf8').trim();
  // The signed digests as the payload of an SD-JWT: what the library reads is only its shape.
  const jwt = [b64({alg: 'EdDSA', typ: 'sd-jwt'}), b64(hidden), 'AA'].join('.');
  const {disclosures} = await decodeSdJwt(`${jwt}~${line}~`, digest);
  const [opened] = disclosures;
  check(`${disclosure}: name`, opened.key === name);
  check(`${disclosure}: value`, isDeepStrictEqual(opened.value, value));
  const hash = await opened.digest({hasher: digest, alg: hidden._sd_alg});
  check(`${disclosure}: its digest is signed`, hidden._sd.includes(hash));
  const forged = Buffer.from(JSON.stringify([opened.salt, name, 'else'])).toString('base64url');
  const other = await decodeSdJwt(`${jwt}~${forged}~`, digest);
  const otherHash = await other.disclosures[0].digest({hasher: digest, alg: hidden._sd_alg});
  check(`${disclosure}: another value is not signed`, !hidden._sd.includes(otherHash));
}
finish();
