// JSONata as npm has it, the version that Step Functions runs: which expressions its grammar refuses, and which of the recorded values it does not give.
// Usage: node evaluate.cjs <folder of node_modules> <file: a JSON array of expressions> <file: a recorded evaluation a line>; writes findings as JSON.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { isDeepStrictEqual } = require('util');

const [modules, expressionsFile, recordFile] = process.argv.slice(2);
const jsonata = require(path.resolve(modules, 'jsonata'));

// Step Functions' own functions, by its documentation.
const OWN = {
  parse: (text) => (text === undefined ? undefined : JSON.parse(text)),
  partition: (items, size) => Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size)),
  range: (first, last, step) => Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, at) => first + at * step),
  hash: (text, algorithm) => crypto.createHash(algorithm.replace('-', '')).update(text).digest('hex'),
  uuid: () => crypto.randomUUID(),
  random: () => Math.random(),
};

function refusal(expression) {
  try {
    jsonata(expression);
    return null;
  } catch (error) {
    return error.message;
  }
}

async function difference(line) {
  const { expression, variables, states, now, value, error } = JSON.parse(line);
  let got;
  let why;
  try {
    const program = jsonata(expression);
    Object.entries(OWN).forEach(([name, run]) => program.registerFunction(name, run));
    if (now !== undefined) {
      program.registerFunction('millis', () => now);
      program.registerFunction('now', () => new Date(now).toISOString());
    }
    got = await program.evaluate(undefined, { ...variables, states });
  } catch (thrown) {
    why = thrown.message;
  }
  // Sequences carry marks that JSON does not have.
  const plain = got === undefined ? undefined : JSON.parse(JSON.stringify(got));
  // Nothing is an error to Step Functions.
  const agrees = error === undefined ? isDeepStrictEqual(plain, value) : plain === undefined;
  return agrees ? null : `${expression.slice(0, 200)} gives ${(why || JSON.stringify(plain) || 'nothing').slice(0, 300)}, and the sandbox ${(error || JSON.stringify(value)).slice(0, 300)}`;
}

async function main() {
  const refused = JSON.parse(fs.readFileSync(expressionsFile, 'utf8'))
    .map((expression) => [expression, refusal(expression)])
    .filter(([, why]) => why)
    .map(([expression, why]) => `${expression.slice(0, 200)} is refused: ${why}`);
  const differ = [];
  let evaluated = 0;
  for (const line of fs.readFileSync(recordFile, 'utf8').split('\n').filter(Boolean)) {
    const found = await difference(line);
    if (found) differ.push(found);
    evaluated += 1;
  }
  console.log(JSON.stringify({ refused, differ, evaluated }));
}

main().catch((error) => {
  console.error(error);
  process.exit(2);
});
