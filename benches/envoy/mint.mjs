// node mint.mjs ES256|RS256 KEY.pem KID: reads claims from standard input, a JSON object a line, and prints a token for
// each. Thousands in a second; the command signs one at a time.
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [algorithm, path, kid] = process.argv.slice(2);
if (!['ES256', 'RS256'].includes(algorithm) || kid === undefined) {
  throw new Error('usage: node mint.mjs ES256|RS256 KEY.pem KID');
}
const key = { key: createPrivateKey(readFileSync(path)), dsaEncoding: 'ieee-p1363' };
const encode = (text) => Buffer.from(text).toString('base64url');
const header = encode(JSON.stringify({ alg: algorithm, typ: 'JWT', kid }));
const lines = readFileSync(0, 'utf8').split('\n').filter((line) => line !== '');
const tokens = lines.map((line) => {
  const signed = `${header}.${encode(line)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}\n`;
});
process.stdout.write(tokens.join(''));
