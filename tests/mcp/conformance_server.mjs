// The server that the conformance suite of MCP asks: whatever its scenarios look for and the SDK can serve without a
// session, for both eras of the protocol. Listens on a port of loopback and prints it.
import { createServer } from 'node:http';

import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, ResourceTemplate, completable, createMcpHandler } from '@modelcontextprotocol/server';
import { z } from 'zod';

const PIXEL =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const text = (text) => ({ type: 'text', text });
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' };
const embedded = (uri, text, mimeType = 'text/plain') => ({ type: 'resource', resource: { uri, mimeType, text } });
const says = (...content) => () => ({ content });
const pause = () => new Promise((done) => setTimeout(done, 20));

function server() {
    const server = new McpServer(
        { name: 'palisade-conformance', version: '1.0.0' },
        { capabilities: { completions: {}, logging: {}, prompts: {}, resources: {}, tools: {} } },
    );
    const none = z.object({});
    const tool = (name, description, inputSchema, run) => server.registerTool(name, { description, inputSchema }, run);
    tool('test_simple_text', 'Says something', none, says(text('This is a simple text response for testing.')));
    tool('test_image_content', 'Shows something', none, says(image));
    tool('test_audio_content', 'Plays something', none, says({ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }));
    tool('test_embedded_resource', 'Hands out something', none,
        says(embedded('test://embedded-resource', 'This is an embedded resource content.')));
    tool('test_multiple_content_types', 'Says, shows and hands out something', none, says(
        text('Multiple content types test:'), image,
        embedded('test://mixed-content-resource', '{"test":"data","value":123}', 'application/json')));
    tool('test_error_handling', 'Fails', none, () => {
        throw new Error('This tool intentionally returns an error for testing');
    });
    tool('test_tool_with_progress', 'Takes its time', none, async (_, context) => {
        const progressToken = context.mcpReq._meta?.progressToken;
        for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
            await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
            await pause();
        }
        return { content: [text(String(progressToken))] };
    });
    tool('test_tool_with_logging', 'Tells what it does', none, async (_, context) => {
        for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
            await context.mcpReq.log('info', data);
            await pause();
        }
        return { content: [text('done')] };
    });
    tool('add_numbers', 'Adds', z.object({ a: z.number(), b: z.number() }), ({ a, b }) => ({ content: [text(String(a + b))] }));

    const resource = (name, uri, mimeType, contents) =>
        server.registerResource(name, uri, { mimeType, description: name }, () => ({ contents: [{ uri, mimeType, ...contents }] }));
    resource('static-text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
    resource('static-binary', 'test://static-binary', 'image/png', { blob: PIXEL });
    resource('watched', 'test://watched-resource', 'text/plain', { text: 'Watched resource content' });
    server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }),
        { mimeType: 'application/json', description: 'By id' }, (uri, { id }) => ({
            contents: [{ uri: uri.href, mimeType: 'application/json',
                text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] }));

    const prompt = (name, argsSchema, run) => server.registerPrompt(name, { description: name, argsSchema }, run);
    const user = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });
    prompt('test_simple_prompt', undefined, () => user(text('This is a simple prompt for testing.')));
    prompt('test_prompt_with_arguments',
        z.object({
            arg1: completable(z.string(), (value) => ['paris', 'park', 'party'].filter((word) => word.startsWith(value))),
            arg2: z.string(),
        }),
        ({ arg1, arg2 }) => user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)));
    prompt('test_prompt_with_embedded_resource', z.object({ resourceUri: z.string() }), ({ resourceUri }) =>
        user(embedded(resourceUri, 'Embedded resource content for testing.'), text('Please process the embedded resource above.')));
    prompt('test_prompt_with_image', undefined, () => user(image, text('Please analyze the image above.')));
    return server;
}

const handle = toNodeHandler(createMcpHandler(server));
const guards = [localhostHostValidation(), localhostOriginValidation()];
const listener = createServer((request, response) => {
    if (guards.every((allows) => allows(request, response))) {
        void handle(request, response);
    }
});
listener.listen(0, '127.0.0.1', () => console.log(listener.address().port));
