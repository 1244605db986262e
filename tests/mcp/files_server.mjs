// The reference file server, which speaks over standard input and output, behind Streamable HTTP: messages are passed on as
// they are, by the SDK's own transports, with a process for each session. Prints the port of loopback that it listens on.
// Argument: the folder that it serves.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const server = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'));
const sessions = new Map();

async function open() {
    const http = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, http),
    });
    const child = new StdioClientTransport({ command: process.execPath, args: [server, process.argv[2]], stderr: 'ignore' });
    http.onmessage = (message) => child.send(message);
    child.onmessage = (message) => http.send(message, { relatedRequestId: message.id });
    http.onclose = () => {
        sessions.delete(http.sessionId);
        void child.close();
    };
    await child.start();
    await http.start();
    return http;
}

const listener = createServer(async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const session = id === undefined ? await open() : sessions.get(id);
    if (session === undefined) {
        response.writeHead(404).end();
    } else {
        await session.handleRequest(request, response);
    }
});
listener.listen(0, '127.0.0.1', () => console.log(listener.address().port));
