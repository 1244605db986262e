"""An A2A agent made with the SDK, behind the gateway: JSON-RPC at /planner, REST below it, both of 1.0 and of 0.3.

It says back what it is told, in two artifacts. Told "wait", it gives the second one only after somebody has told it "go": whoever
buffers a stream never sees the first. Usage: server.py PORT
"""

import asyncio
import sys

import uvicorn
from a2a.helpers.proto_helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryPushNotificationConfigStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette


class Echo(AgentExecutor):
    def __init__(self):
        self.go = asyncio.Event()

    async def execute(self, context, event_queue):
        words = context.get_user_input()
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if words == "go":
            self.go.set()
        await updater.add_artifact([new_text_part(f"heard: {words}")])
        if words == "wait":
            await asyncio.wait_for(self.go.wait(), 20)
            self.go.clear()
        await updater.add_artifact([new_text_part("done")])
        if words != "stay":
            await updater.complete()
        else:
            await updater.requires_input()

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(name):
    interfaces = [
        AgentInterface(url="http://agents.internal/planner", protocol_binding=binding, protocol_version=version)
        for binding in ["JSONRPC", "HTTP+JSON"]
        for version in ["1.0", "0.3"]
    ]
    skill = AgentSkill(id="plan", name="plan", description="says back what it is told", tags=["echo"])
    return AgentCard(
        name=name,
        description="an agent for tests",
        version="1",
        supported_interfaces=interfaces,
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True, extended_agent_card=True),
        skills=[skill],
    )


def main():
    handler = DefaultRequestHandler(
        agent_executor=Echo(),
        task_store=InMemoryTaskStore(),
        agent_card=card("planner"),
        extended_agent_card=card("planner, extended"),
        push_config_store=InMemoryPushNotificationConfigStore(),
    )
    routes = create_agent_card_routes(card("planner"))
    routes += create_jsonrpc_routes(handler, "/planner", enable_v0_3_compat=True)
    routes += create_rest_routes(handler, enable_v0_3_compat=True, path_prefix="/planner")
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


main()
