"""uvicorn that ends the streams before it waits for answers to end: live updates have no end of their own."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI


class EndingServer(uvicorn.Server):
    """A server of one application, which has ``changes`` in its state."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let whoever listens go, then stop."""
        app = self.config.app
        if isinstance(app, FastAPI):
            await app.state.changes.close()
        await super().shutdown(sockets)
