// A help desk: a server of the stateless era (2026-07-28) and of no other, made with the second SDK of TypeScript. Listens on a
// port of loopback and prints it.
import { createServer } from 'node:http';

import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, acceptedContent, createMcpHandler, inputRequired } from '@modelcontextprotocol/server';
import { z } from 'zod';

const says = (text) => ({ content: [{ type: 'text', text }] });
const confirmation = z.object({ confirm: z.boolean() });

// What the server says of `refund`, until `reword` gives it other words.
let words = 'Pays a customer back, once somebody has confirmed it';

// For each request a server of its own.
function desk() {
    const server = new McpServer(
        { name: 'desk', version: '1.0.0' },
        {
            capabilities: { tools: { listChanged: true } },
            cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
        },
    );
    const tool = (name, description, inputSchema, run) =>
        server.registerTool(name, { description, inputSchema: z.object(inputSchema) }, run);
    tool('search', 'Searches the tickets of a region', { query: z.string(), region: z.string().meta({ 'x-mcp-header': 'Region' }) },
        ({ query, region }) => says(`nothing about ${query} in ${region}`));
    tool('refund', words, { ticket: z.string(), cents: z.int() },
        ({ ticket, cents }, context) => {
            const confirmed = acceptedContent(context.mcpReq.inputResponses, 'confirm', confirmation);
            if (confirmed?.confirm !== true) {
                const question = { message: `Pay back ${cents} cents?`, requestedSchema: confirmation };
                return inputRequired({ inputRequests: { confirm: inputRequired.elicit(question) } });
            }
            return says(`${cents} cents for ${ticket}`);
        });
    tool('purge', 'Removes every ticket', {}, () => says('gone'));
    tool('reword', 'Describes refunds anew', { words: z.string() }, ({ words: given }) => {
        words = given;
        handler.notify.toolsChanged();
        return says('done');
    });
    return server;
}

const handler = createMcpHandler(desk, { legacy: 'reject' });
const handle = toNodeHandler(handler);
const listener = createServer((request, response) => void handle(request, response));
listener.listen(0, '127.0.0.1', () => console.log(listener.address().port));
