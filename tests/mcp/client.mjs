// Agents made with the first SDK of TypeScript, which has sessions with its servers: see agent.mjs.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { requests, takeSessions } from './agent.mjs';

await takeSessions(async ({ url, token }) => {
    const client = new Client({ name: 'palisade-agent', version: '1.0.0' });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
    await client.connect(transport);
    const close = async () => {
        await transport.terminateSession();
        await client.close();
    };
    return { take: requests(client), close };
});
