// What agents made with either SDK of TypeScript have in common: they take the sessions that their argument lists as JSON, each
// with `url`, `token` and `steps`, one after the other, and print what each step gave, a result or an error's code and text.

export async function takeSessions(open) {
    const sessions = [];
    for (const { steps, ...where } of JSON.parse(process.argv[2])) {
        const outcomes = [];
        try {
            const { take, close } = await open(where);
            for (const step of steps) {
                try {
                    outcomes.push({ result: await take[step.do](step) });
                } catch (error) {
                    outcomes.push({ error: { code: error.code ?? null, message: error.message } });
                }
            }
            await close();
        } catch (error) {
            outcomes.push({ refused: error.message });
        }
        sessions.push(outcomes);
    }
    console.log(JSON.stringify(sessions));
}

// The steps that every server has. What was listed once is asked for again.
export const requests = (client) => ({
    tools: () => client.listTools(undefined, { cacheMode: 'refresh' }),
    call: ({ name, arguments: given }) => client.callTool({ name, arguments: given }),
    resources: () => client.listResources(),
    read: ({ uri }) => client.readResource({ uri }),
    prompts: () => client.listPrompts(),
    prompt: ({ name, arguments: given }) => client.getPrompt({ name, arguments: given }),
});
