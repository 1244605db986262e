"""The SDK's client in front of the gateway: a session in one binding and one version of A2A, told as lines of JSON.

Usage: client.py '{"url": gateway, "token": bearer token, "binding": "JSONRPC" or "HTTP+JSON", "version": "1.0" or "0.3"}'
Each line is {"step": name, "result": what came} or {"step": name, "error": class and text of what was raised}.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import get_artifact_text, new_text_message
from a2a.types import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import TaskNotFoundError

GOOD = "https://ci.hooks.example.org/a2a"
FORBIDDEN = "http://169.254.169.254/latest/meta-data"


async def say(client, words, push=None):
    """Sends a message; gives the events that come, as they come."""
    configuration = SendMessageConfiguration(accepted_output_modes=["text/plain"])
    if push:
        configuration.task_push_notification_config.url = push
    message = new_text_message(words, role=Role.ROLE_USER)
    request = SendMessageRequest(message=message, configuration=configuration)
    async for event in client.send_message(request):
        yield event


async def task_of(events):
    """The task that events are about, and the texts in its artifacts."""
    task, texts = None, []
    async for event in events:
        if event.HasField("task"):
            task = event.task.id
            texts += [get_artifact_text(artifact) for artifact in event.task.artifacts]
        elif event.HasField("artifact_update"):
            texts.append(get_artifact_text(event.artifact_update.artifact))
    return task, texts


async def stream(client):
    """The first artifact of a stream has to arrive before the last one is asked for."""
    events = say(client, "wait")
    texts = []
    async for event in events:
        if event.HasField("artifact_update"):
            texts.append(get_artifact_text(event.artifact_update.artifact))
            if len(texts) == 1:
                await task_of(say(client, "go"))
    return texts


class Session:
    def __init__(self, options, http):
        self.http = http
        self.binding, self.version = options["binding"], options["version"]

    async def client(self, streaming):
        card = await A2ACardResolver(self.http, self.base).get_agent_card()
        kept = [i for i in card.supported_interfaces if i.protocol_version == self.version]
        del card.supported_interfaces[:]
        for interface in kept:
            interface.url = f"{self.base}/planner"
            card.supported_interfaces.append(interface)
        config = ClientConfig(
            streaming=streaming, httpx_client=self.http, supported_protocol_bindings=[self.binding]
        )
        return ClientFactory(config).create(card)

    async def run(self, options):
        self.base = options["url"]
        unary, streaming = await self.client(False), await self.client(True)
        task, _ = await self.step("send", task_of(say(unary, "hello")), (None, None))
        await self.step("stream", stream(streaming))
        await self.step("get", self.state(unary, task))
        if self.version == "1.0":
            await self.step("list", self.tasks(unary))
        await self.step("extended card", self.extended(unary))
        await self.step("push", self.push(unary, task, GOOD))
        await self.step("get push", self.get_push(unary, task))
        await self.step("push to metadata", self.push(unary, task, FORBIDDEN))
        await self.step("send with push to metadata", task_of(say(unary, "hello", FORBIDDEN)))
        await self.step("frozen", self.state(unary, "audit-2026"))
        await self.step("absent", self.state(unary, "no-such-task"))
        kept, _ = await self.step("stay", task_of(say(unary, "stay")), (None, None))
        await self.step("cancel", self.cancel(unary, kept))

    async def step(self, name, work, otherwise=None):
        try:
            result = await work
        except TaskNotFoundError as error:
            print(json.dumps({"step": name, "error": f"TaskNotFoundError: {error}"}), flush=True)
            return otherwise
        except Exception as error:
            print(json.dumps({"step": name, "error": f"{type(error).__name__}: {error}"}), flush=True)
            return otherwise
        print(json.dumps({"step": name, "result": result}), flush=True)
        return result

    async def state(self, client, task):
        return TaskState.Name((await client.get_task(GetTaskRequest(id=task))).status.state)

    async def tasks(self, client):
        return len((await client.list_tasks(ListTasksRequest())).tasks) > 0

    async def extended(self, client):
        return (await client.get_extended_agent_card(GetExtendedAgentCardRequest())).name

    async def push(self, client, task, url):
        config = TaskPushNotificationConfig(task_id=task, id="c", url=url)
        return (await client.create_task_push_notification_config(config)).url

    async def get_push(self, client, task):
        request = GetTaskPushNotificationConfigRequest(task_id=task, id="c")
        return (await client.get_task_push_notification_config(request)).url

    async def cancel(self, client, task):
        return TaskState.Name((await client.cancel_task(CancelTaskRequest(id=task))).status.state)


async def main():
    options = json.loads(sys.argv[1])
    headers = {"authorization": f"Bearer {options['token']}", "host": "agents.internal"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        await Session(options, http).run(options)


asyncio.run(main())
