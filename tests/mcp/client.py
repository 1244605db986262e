"""An agent made with the Python SDK: the same sessions as client.mjs, and the same account of them."""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client


async def main():
    session = json.loads(sys.argv[1])
    outcomes = []
    take = {
        "tools": lambda client, step: client.list_tools(),
        "call": lambda client, step: client.call_tool(step["name"], step["arguments"]),
        "resources": lambda client, step: client.list_resources(),
        "read": lambda client, step: client.read_resource(step["uri"]),
        "prompts": lambda client, step: client.list_prompts(),
        "prompt": lambda client, step: client.get_prompt(step["name"], step["arguments"]),
    }
    headers = {"authorization": f"Bearer {session['token']}"}
    try:
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            async with Client(streamable_http_client(session["url"], http_client=http)) as client:
                for step in session["steps"]:
                    try:
                        result = await take[step["do"]](client, step)
                        outcomes.append({"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)})
                    except MCPError as error:
                        outcomes.append({"error": {"code": error.error.code, "message": error.error.message}})
    except BaseException as error:
        outcomes.append({"refused": str(first(error))})
    print(json.dumps(outcomes))


def first(error):
    """What went wrong first, inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


asyncio.run(main())
