"""Agents made with the Python SDK, which find out of which era a server is: the same sessions as those of agent.mjs and
stateless_client.mjs, and the same account of them."""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

WHAT_HANGS = 30  # seconds

TAKE = {
    "tools": lambda client, step: client.list_tools(cache_mode="refresh"),
    "call": lambda client, step: client.call_tool(step["name"], step["arguments"]),
    "resources": lambda client, step: client.list_resources(),
    "read": lambda client, step: client.read_resource(step["uri"]),
    "prompts": lambda client, step: client.list_prompts(),
    "prompt": lambda client, step: client.get_prompt(step["name"], step["arguments"]),
    "revision": lambda client, step: revision(client),
    "watch": lambda client, step: watch(client, step),
}


async def main():
    print(json.dumps([await take(session) for session in json.loads(sys.argv[1])]))


async def take(session):
    outcomes = []
    headers = {"authorization": f"Bearer {session['token']}"}
    try:
        async with httpx2.AsyncClient(headers=headers, timeout=WHAT_HANGS) as http:
            transport = streamable_http_client(session["url"], http_client=http)
            async with Client(transport, elicitation_callback=confirm) as client:
                for step in session["steps"]:
                    try:
                        result = await TAKE[step["do"]](client, step)
                        if not isinstance(result, dict):
                            result = result.model_dump(mode="json", by_alias=True, exclude_none=True)
                        outcomes.append({"result": result})
                    except MCPError as error:
                        outcomes.append({"error": {"code": error.error.code, "message": error.error.message}})
    except BaseException as error:
        outcomes.append({"refused": str(first(error))})
    return outcomes


async def revision(client):
    return {"revision": client.protocol_version}


async def watch(client, step):
    """Waits for the server to say that its tools are others now, which the call of one makes them."""
    async with asyncio.timeout(WHAT_HANGS), client.listen(tools_list_changed=True) as events:
        await client.call_tool(step["name"], step["arguments"])
        async for _ in events:
            return {"changed": True}
    return {"changed": False}


async def confirm(context, params):
    return ElicitResult(action="accept", content={"confirm": True})


def first(error):
    """What went wrong first, inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


asyncio.run(main())
