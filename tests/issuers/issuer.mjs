// A live issuer for the quickstart's gateway, whose keys rotate: node issuer.mjs ISSUER AUDIENCE PORT_FILE
//
// It listens on a free port of 127.0.0.1 and writes that to PORT_FILE. Two requests beside the provider's own:
//   POST /test/rotate  a new signing key; the ones before stay published
//   POST /test/retire  only the signing key stays published

import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { agentProvider, newSigningKey } from './agents.mjs';

const [issuer, audience, portFile] = process.argv.slice(2);

// A provider's keys are fixed when it is made, so a rotation makes another one.
function provider(keys) {
    const claims = () => ({
        teams: ['payments'],
        autonomous: true,
        task: { id: 'T-1', started_at: Math.floor(Date.now() / 1000) - 60 },
    });
    const client = { id: 'coder-7', secret: 'for-tests-only' };
    return agentProvider({ issuer, audience, client, claims, keys }).callback();
}

// The signing key comes first.
let keys = [await newSigningKey()];
let current = provider(keys);

const server = createServer(async (request, response) => {
    if (request.method === 'POST' && request.url.startsWith('/test/')) {
        keys = request.url === '/test/rotate' ? [await newSigningKey(), ...keys] : keys.slice(0, 1);
        current = provider(keys);
        response.writeHead(204).end();
        return;
    }
    current(request, response);
});
server.listen(0, '127.0.0.1', () => {
    writeFileSync(`${portFile}.new`, String(server.address().port));
    renameSync(`${portFile}.new`, portFile);
});
