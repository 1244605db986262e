// Prints tokens and status lists made by npm's jose and @sd-jwt/jwt-status-list: node statuses.mjs OPTIONS (a JSON object).
//
// Options: {"claims", "uri"}: those of a good token, and where its list is.
// Output: {"jwks", "tokens": [{"name", "token", "reason"}], "lists": {NAME: token}}, `reason` being what the gateway must say of
// the token by the list `good`. Good lists were issued one after the other, in their order here.

import { createHeaderAndPayload, StatusList } from '@sd-jwt/jwt-status-list';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const { claims, uri } = JSON.parse(process.argv[2]);
const now = Math.floor(Date.now() / 1000);
const PLACE = 5;

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const stranger = (await generateKeyPair('ES256')).privateKey;
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'listed', use: 'sig' }] };

const sign = (payload, header = {}, key = privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'listed', ...header }).sign(key);

async function list(ago, { value = 0, bits = 2, places = 4096, header = {}, changes = {}, key = privateKey } = {}) {
    const statuses = new Array(places).fill(0);
    if (value) statuses[PLACE] = value;
    // Somebody else's, so that lists differ from empty ones.
    if (places > 7) statuses[7] = 1;
    const made = createHeaderAndPayload(
        new StatusList(statuses, bits),
        { iss: claims.iss, sub: uri, iat: now - ago, ttl: 43200 },
        { alg: 'ES256', kid: 'listed', typ: 'statuslist+jwt' },
    );
    const members = Object.entries({ ...made.payload, ...changes }).filter(([, member]) => member !== null);
    return new SignJWT(Object.fromEntries(members)).setProtectedHeader({ ...made.header, ...header }).sign(key);
}

const at = (idx, listed = uri) => ({ status: { status_list: { idx, uri: listed } } });
const elsewhere = uri.replace('https://', 'https://elsewhere.');
const tokens = [
    { name: 'listed', token: await sign({ ...claims, ...at(PLACE) }), reason: 'policy.allow' },
    { name: 'neighbour', token: await sign({ ...claims, ...at(PLACE + 1) }), reason: 'policy.allow' },
    { name: 'the last one', token: await sign({ ...claims, ...at(4095) }), reason: 'policy.allow' },
    { name: 'revoked', token: await sign({ ...claims, ...at(7) }), reason: 'token.status_invalid' },
    { name: 'beyond the end', token: await sign({ ...claims, ...at(4096) }), reason: 'token.status_out_of_range' },
    { name: 'far beyond', token: await sign({ ...claims, ...at(2 ** 53) }), reason: 'token.status_out_of_range' },
    { name: 'before the beginning', token: await sign({ ...claims, ...at(-1) }), reason: 'token.status_malformed' },
    { name: 'between two places', token: await sign({ ...claims, ...at(5.5) }), reason: 'token.status_malformed' },
    { name: 'a place in words', token: await sign({ ...claims, ...at('5') }), reason: 'token.status_malformed' },
    { name: 'no place', token: await sign({ ...claims, ...at(undefined) }), reason: 'token.status_malformed' },
    { name: 'no list', token: await sign({ ...claims, status: { status_list: { idx: PLACE } } }), reason: 'token.status_malformed' },
    { name: 'another mechanism', token: await sign({ ...claims, status: { other: {} } }), reason: 'token.status_malformed' },
    { name: 'on another host', token: await sign({ ...claims, ...at(PLACE, elsewhere) }), reason: 'token.status_uri' },
    { name: 'not encrypted', token: await sign({ ...claims, ...at(PLACE, uri.replace('https:', 'http:')) }), reason: 'token.status_uri' },
    { name: 'above', token: await sign({ ...claims, ...at(PLACE, uri.replace(/[^/]*$/, '../keys')) }), reason: 'token.status_uri' },
    { name: 'no status', token: await sign(claims), reason: 'token.status_missing' },
    { name: 'a list as a token', token: await list(10), reason: 'token.typ' },
    { name: 'a list that passes for a token', token: await sign({ ...claims, ...at(PLACE), status_list: {} }), reason: 'token.kind' },
];

const good = await list(300);
const lists = {
    good,
    again: await list(290, { bits: 8 }),
    revoked: await list(280, { value: 1 }),
    suspended: await list(270, { value: 2 }),
    application: await list(260, { value: 3 }),
    restored: await list(250, { bits: 4 }),
    newest: await list(240, { bits: 1, value: 1 }),
    // None of these is to be taken; all of them would let the token pass that `newest` revokes.
    older: await list(245),
    'of another issuer': await list(10, { changes: { iss: 'https://other.example' } }),
    'of another list': await list(10, { changes: { sub: `${uri}2` } }),
    'of nothing': await list(10, { changes: { sub: null } }),
    'of no time': await list(10, { changes: { iat: null } }),
    'of tomorrow': await list(-86400),
    expired: await list(200, { changes: { exp: now - 100 } }),
    'by another key': await list(10, { key: stranger }),
    'by an unknown key': await list(10, { header: { kid: 'other' }, key: stranger }),
    'an access token': await list(10, { header: { typ: 'at+jwt' } }),
    'of no type': await list(10, { header: { typ: undefined } }),
    'three bits': await list(10, { changes: { status_list: { bits: 3, lst: 'eNoDAAAAAAE' } } }),
    'not compressed': await list(10, { changes: { status_list: { bits: 1, lst: 'AAAA' } } }),
    'cut': good.slice(0, -10),
};
console.log(JSON.stringify({ jwks, tokens, lists }));
