"""A plain HTTP client that keeps its connection and costs little itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_PIECE = 1 << 18
_SILENT_SECONDS = 2.0


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its headers with names in small letters, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to a server on this machine; asks one thing at a time, with a login if one is given."""

    def __init__(self, port: int, login: Mapping[str, str] | None = None, *, timeout: float = 300.0) -> None:
        self._address, self._timeout, self._login = ("127.0.0.1", port), timeout, login or {}
        self._waiting = b""
        self._open()

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._socket.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a path and read the whole answer."""
        status, answered = self._ask(path, headers)
        return Answer(status, answered, b"".join(self._body(status, answered)))

    def stream(self, path: str) -> tuple[int, Iterator[bytes]]:
        """Ask for a path; return the status and the body in pieces as they arrive, which must be read to the end."""
        status, answered = self._ask(path, {})
        return status, self._body(status, answered)

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=self._timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()

    def _ask(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        # Servers close what stays silent, uvicorn after five seconds.
        if time.monotonic() - self._used > _SILENT_SECONDS:
            self._socket.close()
            self._open()
        further = "".join(
            f"{name.replace('_', '-')}: {value}\r\n" for name, value in {**self._login, **headers}.items()
        )
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{further}\r\n".encode())
        while b"\r\n\r\n" not in self._waiting:
            self._more()
        self._used = time.monotonic()
        head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, value in pairs}

    def _more(self) -> None:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection in the midst of an answer")
        self._waiting += piece

    def _body(self, status: int, headers: dict[str, str]) -> Iterator[bytes]:
        if status in {204, 304}:
            return
        if headers.get("transfer-encoding") == "chunked":
            yield from self._chunks()
        else:
            yield from self._exactly(int(headers["content-length"]))

    def _exactly(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes of the connection, as many as asked."""
        while size:
            if not self._waiting:
                self._more()
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            size -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        size = 1
        while size:
            while b"\r\n" not in self._waiting:
                self._more()
            line, _, self._waiting = self._waiting.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            yield from self._exactly(size)
            end = b"".join(self._exactly(2))
            if end != b"\r\n":
                raise ConnectionError("a chunk of the answer doesn't end where it says")
