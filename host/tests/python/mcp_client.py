"""Lists and calls tools with the official MCP client.

Usage: mcp_client.py MODE http URL KEY | MODE stdio PROGRAM ARGUMENT...
MODE is `auto` (the stateless revision where the server has it) or `legacy` (`initialize`).
Prints one line of JSON with what it saw.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


async def main(mode: str, transport: str, arguments: list[str]) -> None:
    if transport == "http":
        url, key = arguments
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=120)
        server = streamable_http_client(url, http_client=http)
    else:
        program, *rest = arguments
        server = stdio_client(StdioServerParameters(command=program, args=rest, env=environment()))
    progress = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append([done, total, message])

    async with Client(server, mode=mode, read_timeout_seconds=120) as client:
        tools, cursor = [], None
        while True:
            page = await client.list_tools(cursor=cursor)
            tools += [tool.name for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        echo = await client.call_tool("echo", {"text": "hello"})
        probe = await client.call_tool("probe", {"do": "progress", "n": 3}, progress_callback=told)
        denied = await client.call_tool("probe", {"do": "http", "url": "http://192.0.2.1/"})
        print(
            json.dumps(
                {
                    "version": client.protocol_version,
                    "server": client.server_info.name if client.server_info else None,
                    "tools": tools,
                    "echo": [echo.is_error, [block.text for block in echo.content]],
                    "probe": probe.is_error,
                    "progress": progress,
                    "denied": [denied.is_error, [block.text for block in denied.content]],
                }
            )
        )


def environment() -> dict[str, str]:
    import os

    return dict(os.environ)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
