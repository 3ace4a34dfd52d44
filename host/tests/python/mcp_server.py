"""A server of the official library, for tests.

Usage: mcp_server.py http|legacy-http|stdio PORT [WORDS]
`legacy-http` knows only the revisions that begin with `initialize`. WORDS replaces the description
of `weather`, as a server does that changes its mind.
"""

import asyncio
import os
import subprocess
import sys
from typing import Literal

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

server = MCPServer("weather")
transport, *rest = sys.argv[1:]
WORDS = rest[1] if len(rest) > 1 else "Tells the weather of a city."


@server.tool(description=WORDS, annotations=ToolAnnotations(read_only_hint=True, title="Weather"))
def weather(city: str, unit: Literal["c", "f"] = "c", days: int | None = None) -> dict[str, str | int]:
    if city == "Atlantis":
        raise ToolError("there is no such city")
    return {"city": city, "unit": unit, "days": days or 1}


@server.tool()
async def countDown(seconds: float, context: Context) -> str:
    """Counts, and says so."""
    for step in range(4):
        await context.report_progress(step, 4, f"step {step}")
        await asyncio.sleep(seconds / 4)
    return "done"


@server.tool()
def anything(data: dict) -> str:
    """Takes an object of any shape."""
    return str(data)


if transport == "stdio":
    # The library keeps its own copy of the output, and turns what is printed elsewhere.
    wire = os.dup(1)

    @server.tool()
    async def misbehave(how: Literal["crash", "flood", "long", "hang", "environment", "child"]) -> str:
        """Does what a server should not, or says what it was given."""
        if how == "crash":
            os._exit(7)
        if how == "flood":
            shout(b'{"jsonrpc":"2.0","method":"notifications/nonsense"}\n' * 20_000)
        if how == "long":
            shout(b"x" * (17 << 20) + b"\n")
        if how == "hang":
            await asyncio.sleep(1_000)
        if how == "child":
            return str(subprocess.Popen(["sleep", "1000"]).pid)
        return ",".join(sorted(os.environ))


def shout(said: bytes) -> None:
    while said:
        said = said[os.write(wire, said) :]


class OnlyLegacy:
    """Answers requests of the stateless revision as a server does that never heard of it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        version = dict(scope.get("headers", [])).get(b"mcp-protocol-version")
        if version == b"2026-07-28":
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"Bad Request: no session"})
            return
        await self.app(scope, receive, send)


if transport == "http":
    server.run("streamable-http", host="127.0.0.1", port=int(rest[0]))
elif transport == "legacy-http":
    app = OnlyLegacy(server.streamable_http_app(host="127.0.0.1"))
    uvicorn.run(app, host="127.0.0.1", port=int(rest[0]))
else:
    server.run("stdio")
