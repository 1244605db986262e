// Agents made with the second SDK of TypeScript, which find out whether a server is of the stateless era (2026-07-28): see
// agent.mjs. Whatever they are asked to confirm, they confirm.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { requests, takeSessions } from './agent.mjs';

await takeSessions(async ({ url, token }) => {
    const client = new Client(
        { name: 'palisade-agent', version: '2.0.0' },
        { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: 'auto' } },
    );
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { confirm: true } }));
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));

    // Waits for the server to say that its tools are others now, which the call of one makes them.
    async function watch({ name, arguments: given }) {
        const changed = new Promise((done) => {
            client.setNotificationHandler('notifications/tools/list_changed', () => done({ changed: true }));
        });
        const subscription = await client.listen({ toolsListChanged: true });
        try {
            await client.callTool({ name, arguments: given });
            const ended = subscription.closed.then((by) => ({ changed: false, by }));
            return await Promise.race([changed, ended]);
        } finally {
            await subscription.close();
        }
    }

    const revision = () => ({ revision: client.getNegotiatedProtocolVersion() });
    return { take: { ...requests(client), revision, watch }, close: () => client.close() };
});
