// A live issuer, npm's oidc-provider, and a client of it: node provider.mjs OPTIONS (a JSON object: issuer, audience, claims,
// and `base`, the URL of the folder under which the client will ask the gateway).
//
// Output: {"jwks", "tokens": [{"name", "file", "scheme", "token", "proof", "reason"}]}: the requests that the client would
// make, each for its own file under `base`, and what the gateway must say of it. The client gets its tokens over HTTP, by
// the client credentials grant, bound to its key by DPoP (RFC 9449) or to nothing.

import { createHash, randomUUID } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { agentProvider, newSigningKey } from './agents.mjs';

const { issuer, audience, claims, base } = JSON.parse(process.argv[2]);

async function keyPair() {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    return { privateKey, jwk: await exportJWK(publicKey) };
}

const client = { id: claims.sub, secret: randomUUID() };
const keys = [await newSigningKey()];
const provider = agentProvider({ issuer, audience, client, claims: () => claims.extra, keys });
const server = provider.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

function proof(key, htm, htu, token) {
    const ath = token && createHash('sha256').update(token).digest('base64url');
    return new SignJWT({ htm, htu, jti: randomUUID(), ...(ath && { ath }) })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })
        .setIssuedAt()
        .sign(key.privateKey);
}

async function obtain(key) {
    const headers = key ? { dpop: await proof(key, 'POST', `${origin}/token`) } : {};
    const credentials = { client_id: client.id, client_secret: client.secret };
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: audience, ...credentials });
    const response = await fetch(`${origin}/token`, { method: 'POST', headers, body });
    const answer = await response.json();
    if (!response.ok || answer.token_type !== (key ? 'DPoP' : 'Bearer')) {
        throw new Error(`the provider answers ${response.status}: ${JSON.stringify(answer)}`);
    }
    return answer.access_token;
}

const jwks = await (await fetch(`${origin}/jwks`)).json();
const key = await keyPair();
const stranger = await keyPair();
const [bearer, bound, other] = [await obtain(), await obtain(key), await obtain(key)];
server.close();

const tokens = [];
function ask(name, scheme, token, proof, reason, file = `provider-${tokens.length}`) {
    tokens.push({ name, file, scheme, token, proof, reason });
}
const next = () => `${base}provider-${tokens.length}`;
ask('a bearer token', 'Bearer', bearer, null, 'policy.allow');
ask('a bound token with its proof', 'DPoP', bound, await proof(key, 'GET', next(), bound), 'policy.allow');
const used = tokens.at(-1);
ask('the same proof again', 'DPoP', bound, used.proof, 'dpop.replayed', used.file);
ask('another proof for the same token', 'DPoP', bound, await proof(key, 'GET', next(), bound), 'policy.allow');
ask('a bound token as a bearer token', 'Bearer', bound, await proof(key, 'GET', next(), bound), 'proof.sent_as_bearer');
ask('a bound token without proof', 'DPoP', bound, null, 'dpop.missing');
ask('a proof by another key', 'DPoP', bound, await proof(stranger, 'GET', next(), bound), 'dpop.key_mismatch');
ask('a proof for another method', 'DPoP', bound, await proof(key, 'POST', next(), bound), 'dpop.htm');
ask('a proof for another path', 'DPoP', bound, await proof(key, 'GET', `${base}elsewhere`, bound), 'dpop.htu');
ask('a proof for another host', 'DPoP', bound, await proof(key, 'GET', next().replace('//', '//not.'), bound), 'dpop.htu');
ask('a proof for another token', 'DPoP', bound, await proof(key, 'GET', next(), other), 'dpop.ath');
ask('a proof for no token', 'DPoP', bound, await proof(key, 'GET', next()), 'dpop.claim_missing');
ask('a bearer token with a proof', 'DPoP', bearer, await proof(key, 'GET', next(), bearer), 'proof.not_bound_to_dpop');
console.log(JSON.stringify({ jwks, tokens }));
