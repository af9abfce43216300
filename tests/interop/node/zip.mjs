// Reads entries of a stored zip file through the `unzip` of the system, so that nothing of ours
// stands between the file and the verifier.

import {execFileSync} from 'node:child_process';

export function names(path) {
  return execFileSync('unzip', ['-Z1', path], {encoding: 'utf8'}).trim().split('\n');
}

export function read(path, name) {
  return execFileSync('unzip', ['-p', path, name], {encoding: 'utf8', maxBuffer: 1 << 24});
}

export function json(path, name) {
  return JSON.parse(read(path, name));
}
