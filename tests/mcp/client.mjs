// An agent made with the TypeScript SDK. Its argument is a session as JSON: `url`, `token` and `steps`; it prints what each
// step gave, a result or an error's code and text.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { url, token, steps } = JSON.parse(process.argv[2]);
const client = new Client({ name: 'palisade-agent', version: '1.0.0' });
const requestInit = { headers: { authorization: `Bearer ${token}` } };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });

const take = {
    tools: () => client.listTools(),
    call: ({ name, arguments: given }) => client.callTool({ name, arguments: given }),
    resources: () => client.listResources(),
    read: ({ uri }) => client.readResource({ uri }),
    prompts: () => client.listPrompts(),
    prompt: ({ name, arguments: given }) => client.getPrompt({ name, arguments: given }),
};

const outcomes = [];
try {
    await client.connect(transport);
    for (const step of steps) {
        try {
            outcomes.push({ result: await take[step.do](step) });
        } catch (error) {
            outcomes.push({ error: { code: error.code ?? null, message: error.message } });
        }
    }
    await transport.terminateSession();
    await client.close();
} catch (error) {
    outcomes.push({ refused: error.message });
}
console.log(JSON.stringify(outcomes));
