// Prints keys, workload identity tokens and their proofs, made by npm's jose: node workload.mjs OPTIONS (a JSON object).
//
// Options: {"sub", "claims", "svid", "base"}: whom tokens are about, what they say besides, whether they are WIT-SVIDs, and the
// URL before the name of a file. Output: {"jwks", "tokens": [{"name", "file", "workload", "token", "proof", "reason"}]}.

import { createHash, randomUUID } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

const { sub, claims, svid, base } = JSON.parse(process.argv[2]);
const now = Math.floor(Date.now() / 1000);
const ALGORITHMS = ['ES256', 'ES384', 'PS256', ...(svid ? [] : ['EdDSA', 'Ed25519'])];

const server = await generateKeyPair('ES256', { extractable: true });
const stranger = await generateKeyPair('ES256', { extractable: true });
const jwks = { keys: [{ ...(await exportJWK(server.publicKey)), kid: 'trust-1', use: svid ? 'wit-svid' : 'sig' }] };

const without = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
const hash = (text) => createHash('sha256').update(text).digest('base64url');

async function workload(alg) {
    const pair = await generateKeyPair(alg, { extractable: true });
    return { alg, ...pair, jwk: { ...(await exportJWK(pair.publicKey)), alg } };
}

async function identity(key, changes = {}, header = {}, signer = server.privateKey) {
    const all = { ...claims, sub, iat: now, exp: now + 300, cnf: { jwk: key.jwk }, ...changes };
    return new SignJWT(without(all))
        .setProtectedHeader(without({ alg: 'ES256', kid: 'trust-1', typ: 'wit+jwt', ...header }))
        .sign(signer);
}

async function prove(key, token, file, changes = {}, header = {}, signer = key.privateKey) {
    const all = { aud: `${base}${file}`, exp: now + 120, jti: randomUUID(), wth: hash(token), ...changes };
    return new SignJWT(without(all)).setProtectedHeader(without({ alg: key.alg, typ: 'wpt+jwt', ...header })).sign(signer);
}

const tokens = [];
function add(name, file, token, proof, reason) {
    tokens.push({ name, file, workload: true, token, proof, reason });
}

for (const alg of ALGORITHMS) {
    const key = await workload(alg);
    const token = await identity(key);
    add(alg, `wit-${alg}`, token, await prove(key, token, `wit-${alg}`), 'policy.allow');
    add(`${alg} again`, `wit-${alg}-again`, token, await prove(key, token, `wit-${alg}-again`), 'policy.allow');
    const other = await workload(alg);
    add(`${alg}, by another workload`, `wit-${alg}-stolen`, token, await prove(other, token, `wit-${alg}-stolen`), 'wpt.signature');
}

const key = await workload('ES256');
const token = await identity(key);
const once = await prove(key, token, 'wit-once');
add('a proof', 'wit-once', token, once, 'policy.allow');
const refused = async (name, proof, reason, presented = token) => add(name, `wit-refused-${tokens.length}`, presented, await proof, reason);
const here = () => `wit-refused-${tokens.length}`;
await refused('for another file', prove(key, token, 'wit-once'), 'wpt.aud');
await refused('for another host', prove(key, token, here(), { aud: `https://evil.example/${here()}` }), 'wpt.aud');
await refused('for another token', prove(key, await identity(key, { jti: 'x' }), here()), 'wpt.wth');
await refused('expired', prove(key, token, here(), { exp: now - 60 }), 'wpt.expired');
await refused('that lives too long', prove(key, token, here(), { exp: now + 3600 }), 'wpt.lifetime');
await refused('without an id', prove(key, token, here(), { jti: null }), 'wpt.claim_missing');
await refused('for an access token that is not there', prove(key, token, here(), { ath: hash('x') }), 'wpt.ath');
await refused('of another type', prove(key, token, here(), {}, { typ: 'JWT' }), 'wpt.typ');
await refused('that brings its key', prove(key, token, here(), {}, { jwk: key.jwk }), 'wpt.header_forbidden');
await refused('missing', Promise.resolve(null), 'wpt.missing');

async function unfit(name, changes, header, reason, signer) {
    const bad = await identity(key, changes, header, signer);
    await refused(name, prove(key, bad, here()), reason, bad);
}
await unfit('a token of another type', {}, { typ: 'JWT' }, 'token.typ');
await unfit('a stranger under the same id', {}, {}, 'token.signature', stranger.privateKey);
await unfit('an expired token', { iat: 1, exp: 2 }, {}, 'token.expired');
await unfit('a token without a key', { cnf: null }, {}, 'token.cnf_missing');
await unfit('a key without an algorithm', { cnf: { jwk: { ...key.jwk, alg: undefined } } }, {}, 'token.cnf_jwk_alg');
await unfit('a private key', { cnf: { jwk: { ...(await exportJWK(key.privateKey)), alg: 'ES256' } } }, {}, 'token.cnf_jwk_private');
await unfit('another trust domain', { sub: 'spiffe://other.example/a' }, {}, 'token.trust_domain');
await unfit('somebody else', { sub: 'coder-7' }, {}, 'token.workload_id');
if (svid) {
    await unfit('a token without kid', {}, { kid: null }, 'token.kid_missing');
    await unfit('a token with an audience', { aud: 'https://gateway.quickstart.example' }, {}, 'token.audience');
}
// As a bearer token it is nobody's.
tokens.push({ name: 'as a bearer token', file: 'wit-bearer', token, reason: 'token.typ' });
console.log(JSON.stringify({ jwks, tokens }));
