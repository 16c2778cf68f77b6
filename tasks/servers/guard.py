"""The Prefect server behind a guard that answers its own pages and commands, no other web page.

Browsers let any page send requests to servers of this machine. They say in ``Origin`` which page
it was, and in ``Host`` by which name the server was reached; a page that has rebound its own name
to this address is told by the latter.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """Rejects requests by another host name, and those that pages of another origin send."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403; a web socket is closed before it opens."""
        if scope["type"] not in ("http", "websocket") or self._accepts(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            from starlette.responses import PlainTextResponse

            answer = PlainTextResponse("Another host or origin than this server's own.\n", 403)
            await answer(scope, receive, send)

    def _accepts(self, scope: Scope) -> bool:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        return headers.get(b"host", "").lower() in self._hosts and (
            origin is None or urlsplit(origin).netloc.lower() in self._hosts
        )


def main() -> None:
    """Serve Prefect at the host and port that the command line names, until it is ended."""
    import uvicorn

    from tasks.servers.application import application

    host, port = sys.argv[1], int(sys.argv[2])
    uvicorn.run(application(port), host=host, port=port, log_level="error", timeout_keep_alive=5)


if __name__ == "__main__":
    main()
