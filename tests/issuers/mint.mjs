// Prints keys and tokens made by npm's jose: node mint.mjs CLAIMS (a JSON object).
//
// Output: {"jwks", "tokens": [{"name", "token", "reason"}]}, `reason` being what the gateway must say of the token.

import { CompactEncrypt, SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose';

const claims = JSON.parse(process.argv[2]);
const ALGORITHMS = {
    rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    p256: ['ES256'],
    p384: ['ES384'],
    p521: ['ES512'],
    ed25519: ['EdDSA', 'Ed25519'],
};

const keys = {};
for (const [kid, [algorithm]] of Object.entries(ALGORITHMS)) {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    keys[kid] = { public: await exportJWK(publicKey), private: await exportJWK(privateKey), publicKey };
}
const jwks = { keys: Object.entries(keys).map(([kid, key]) => ({ ...key.public, kid, use: 'sig' })) };

async function sign(alg, kid, changes = {}, header = {}, key = keys[kid].private) {
    const all = Object.fromEntries(Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== null));
    return new SignJWT(all).setProtectedHeader({ alg, kid, ...header }).sign(await importJWK(key, alg));
}

const tokens = [];
for (const [kid, algorithms] of Object.entries(ALGORITHMS)) {
    for (const alg of algorithms) {
        tokens.push({ name: alg, token: await sign(alg, kid), reason: 'policy.allow' });
        const stranger = await exportJWK((await generateKeyPair(alg, { extractable: true })).privateKey);
        tokens.push({
            name: `${alg}, another key under the same id`,
            token: await sign(alg, kid, {}, {}, stranger),
            reason: 'token.signature',
        });
    }
}

const spki = new TextEncoder().encode(await exportSPKI(keys.rsa.publicKey));
const hs256 = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'rsa' });
const encrypted = new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'rsa' })
    .encrypt(await importJWK(keys.rsa.public, 'RSA-OAEP-256'));
tokens.push(
    { name: 'HS256 with the public key as the secret', token: await hs256.sign(spki), reason: 'token.alg_not_allowed' },
    { name: 'encrypted to the public key', token: await encrypted, reason: 'token.encrypted' },
    { name: 'unsecured', token: new UnsecuredJWT(claims).encode(), reason: 'token.parts' },
    { name: 'RS256 under the id of an elliptic key', token: await sign('RS256', 'p256', {}, {}, keys.rsa.private), reason: 'token.key_mismatch' },
    { name: 'expired', token: await sign('ES256', 'p256', { iat: 1, exp: 2 }), reason: 'token.expired' },
    { name: 'for another audience', token: await sign('ES256', 'p256', { aud: 'https://other.example' }), reason: 'token.audience' },
    { name: 'without an expiry', token: await sign('ES256', 'p256', { exp: null }), reason: 'token.exp_missing' },
    { name: 'an unknown critical header', token: await sign('ES256', 'p256', {}, { crit: ['b64'], b64: true }), reason: 'token.crit' },
);
console.log(JSON.stringify({ jwks, tokens }));
