// Counts what holds and what does not, and says so in the line that run.sh adds up.

let passed = 0;
let failed = 0;

export function check(name, holds, why = '') {
  if(holds) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAILED ${name}${why && `: ${why}`}`);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
