// Verifies every signed document of our files with Digital Bazaar's Data Integrity libraries, and
// sees that they refuse each once it was changed.
//
//     node credentials.mjs FOLDER     (as files.sh leaves it)

import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import jsigs from 'jsonld-signatures';
import {join} from 'node:path';
import {check, finish} from './tally.mjs';
import {json, names} from './zip.mjs';

const {purposes: {AssertionProofPurpose}} = jsigs;

// A did:key holds its own key: the only documents there are, and nothing is fetched.
async function documentLoader(url) {
  const [did, key] = url.split('#');
  const match = /^did:key:(z6Mk[1-9A-HJ-NP-Za-km-z]+)$/.exec(did);
  if(!match || (key && key !== match[1])) {
    throw new Error(`nothing is loaded from ${url}`);
  }
  const method = {
    '@context': 'https://w3id.org/security/multikey/v1',
    id: `${did}#${match[1]}`,
    type: 'Multikey',
    controller: did,
    publicKeyMultibase: match[1],
  };
  const controller = {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    verificationMethod: [method],
    assertionMethod: [method.id],
  };
  return {contextUrl: null, documentUrl: url, document: key ? method : controller};
}

async function verify(document) {
  const suite = new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});
  const purpose = new AssertionProofPurpose();
  const outcome = await jsigs.verify(structuredClone(document), {suite, purpose, documentLoader});
  // In a set of proofs the library is content with one that holds; a sale needs every one.
  const results = outcome.results ?? [];
  const verified = outcome.verified && results.every(result => result.verified);
  const why = (outcome.error?.errors ?? [outcome.error]).map(error => error?.message).join('; ');
  return {verified, proofs: results.length, why};
}

async function refuses(name, document) {
  const {verified} = await verify(document);
  check(`${name} is refused`, !verified);
}

function changed(document, change) {
  const copy = structuredClone(document);
  change(copy);
  return copy;
}

async function holds(file, name, proofs) {
  const document = json(file, name);
  const label = `${file.split('/').pop()} ${name}`;
  const outcome = await verify(document);
  check(label, outcome.verified, outcome.why);
  check(`${label} has ${proofs} proofs`, outcome.proofs === proofs, `${outcome.proofs}`);

  const subject = document.credentialSubject;
  await refuses(`${label}: another subject`, changed(document, d => {
    d.credentialSubject.id = 'urn:uuid:00000000-0000-4000-8000-000000000000';
  }));
  await refuses(`${label}: another date`, changed(document, d => {
    d.validFrom = '2020-01-01T00:00:00Z';
  }));
  await refuses(`${label}: one more field`, changed(document, d => {
    d.credentialSubject.extra = true;
  }));
  const field = Object.keys(subject).find(key => key !== 'id');
  await refuses(`${label}: one field less`, changed(document, d => {
    delete d.credentialSubject[field];
  }));
  const all = d => [d.proof].flat();
  for(let i = 0; i < proofs; i += 1) {
    await refuses(`${label}: proof ${i + 1} of another time`, changed(document, d => {
      all(d)[i].created = '2020-01-01T00:00:00Z';
    }));
    const other = await Ed25519Multikey.generate();
    const {publicKeyMultibase: key} = await other.export({publicKey: true});
    await refuses(`${label}: proof ${i + 1} by another key`, changed(document, d => {
      all(d)[i].verificationMethod = `did:key:${key}#${key}`;
    }));
    await refuses(`${label}: proof ${i + 1} with another value`, changed(document, d => {
      const value = all(d)[i].proofValue;
      all(d)[i].proofValue = value.slice(0, 20) + (value[20] === 'x' ? 'y' : 'x') + value.slice(21);
    }));
  }
}

const folder = process.argv[2];
for(const [name, events] of [['minted', 1], ['sold', 3], ['revoked', 1]]) {
  const file = join(folder, `${name}.hallmark`);
  await holds(file, 'manifest.json', 1);
  await holds(file, 'status/status.json', 1);
  const found = names(file).filter(entry => entry.startsWith('events/')).sort();
  check(`${name} has ${events} events`, found.length === events);
  for(const entry of found) {
    const {kind} = json(file, entry).credentialSubject;
    await holds(file, entry, kind === 'sold' ? 2 : 1);
  }
}
finish();
