"""Calls that need a person, and a call that is given up, with the official MCP client.

Usage: mcp_asking.py ANSWER MODE http URL KEY | ANSWER MODE stdio PROGRAM ARGUMENT...
ANSWER is what the person at the client says: `accept`, `decline`, `cancel`, or `nobody` where there
is none. Prints one line of JSON: how `echo` and `ask_year` ended, and for `nobody` that the
connection outlives a call of `probe` that its client cancelled.
"""

import asyncio
import json
import os
import sys

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult


async def main(answer: str, mode: str, transport: str, arguments: list[str]) -> None:
    if transport == "http":
        url, key = arguments
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=120)
        server = streamable_http_client(url, http_client=http)
    else:
        program, *rest = arguments
        server = stdio_client(StdioServerParameters(command=program, args=rest, env=dict(os.environ)))

    seen = {}
    asked = []

    async def elicit(context, params) -> ElicitResult:
        asked.append(params.message)
        if answer != "accept":
            return ElicitResult(action=answer)
        is_leave = "allow" in params.requested_schema["properties"]
        return ElicitResult(action="accept", content={"allow": True} if is_leave else {"year": 1999})

    person = None if answer == "nobody" else elicit
    async with Client(server, mode=mode, read_timeout_seconds=120, elicitation_callback=person) as client:
        for tool, given in [("echo", {"text": "hello"}), ("ask_year", {"topic": "the flood"})]:
            ended = await client.call_tool(tool, given)
            seen[tool] = [ended.is_error, [block.text for block in ended.content]]
        seen["asked"] = list(asked)
        if answer == "nobody":
            with anyio.move_on_after(1) as scope:
                await client.call_tool("probe", {"do": "sleep", "n": 25_000})
            seen["cancelled"] = scope.cancelled_caught
            # Long enough for the server to stop the call, while the connection lives.
            await anyio.sleep(2)
            again = await client.call_tool("echo", {"text": "again"})
            seen["again"] = again.is_error
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:4], sys.argv[4:]))
