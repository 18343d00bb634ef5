"""The process that listens: uvicorn, with a limit for heads of requests, and a graceful stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import Limits

CONNECTIONS = 1000
"""That are open at once."""


class _Protocol(H11Protocol):
    """Closes a connection on which the head of a request does not arrive in time."""

    patience = Limits.read
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Waits for a head as long as none has come."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        elif self._late is None:
            self._late = self.loop.call_later(self.patience, self._close)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class _Server(uvicorn.Server):
    """Says where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[str, int], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._tell(host, port)


def listen(
    app: FastAPI, host: str, port: int, limits: Limits, tell: Callable[[str, int], None]
) -> None:
    """Answers until a signal asks to stop; requests under way are answered before.

    Args:
        app: the application.
        host: the address to listen at.
        port: likewise; 0: any that is free.
        limits: of requests.
        tell: is called with the address, once the server listens.
    """
    protocol = type("Protocol", (_Protocol,), {"patience": limits.read})
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=int(max(1, limits.read)),
        timeout_graceful_shutdown=int(max(1, limits.stop)),
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises again what has stopped it
        _Server(config, tell).run()
