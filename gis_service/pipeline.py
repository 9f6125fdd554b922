"""One message of several statements to PostgreSQL, and one answer: a transaction in a single round trip.

Statements stand prepared on the connection, so that a message holds little more than their values; answers come in the
binary format, in which a tile's bytes are themselves instead of two digits each. psycopg's own pipelines do the same
with a cursor for each statement; here a message is one thing, and its task is woken once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncClientCursor, AsyncConnection, abc
from psycopg.abc import RV, PQGen
from psycopg.adapt import Loader, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from gis_service.statement import Asked, Rows

KEPT = 256
"""Prepared statements that a connection keeps before it starts anew: questions come in more shapes than these."""
_CANCEL_S = 2.0

_Step = Callable[[], object]
"""A command of a message, given to libpq when it is called."""


class Bytes(Loader):
    """Texts and bytes stay bytes: they go to the client as they came."""

    format = Format.BINARY

    def load(self, data: abc.Buffer) -> bytes:
        """Return a value as it came."""
        return bytes(data)


class Kept(AsyncConnection[tuple[Any, ...]]):
    """A connection that knows which statements it keeps, by their names, and how values are written and read."""

    kept: set[bytes]
    transformer: abc.Transformer
    watch: _Watch | None = None

    async def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:
        """Wait as psycopg does, which watches the socket itself."""
        self.unwatch()
        return await super().wait(gen, *args, **options)

    async def close(self) -> None:
        """Close the connection; the next one may get its socket's number."""
        self.unwatch()
        await super().close()

    def watched(self) -> _Watch:
        """Return what listens to the connection, in the event loop that runs."""
        loop = asyncio.get_running_loop()
        if self.watch is None or self.watch.stopped or self.watch.loop is not loop:
            self.unwatch()
            self.watch = _Watch(self.pgconn, loop)
        return self.watch

    def unwatch(self) -> None:
        """Listen no longer, until the next message."""
        if self.watch is not None:
            self.watch.stop()
            self.watch = None


def make_ready(conn: Kept) -> None:
    """Prepare a new connection for ``exchange``."""
    conn.kept = set()
    for kind in ("text", "json", "varchar", "bytea"):
        conn.adapters.register_loader(kind, Bytes)
    conn.transformer = Transformer(conn)


async def exchange(conn: Kept, asked: Sequence[Asked], *, keep: bool = True) -> list[Rows]:
    """Return the rows that answer each statement; all of them are one transaction.

    Parameters
    ----------
    keep
        Whether the connection may keep statements; otherwise each is written out with its values.

    Raises
    ------
    psycopg.Error
        What the first statement that failed says; those after it weren't run. The connection can be used again,
        unless it was lost. Who gives up waiting leaves it closed.
    """
    # All values are written before anything is sent: one that can't be leaves no message without an end.
    steps, places = _message(conn, asked, keep=keep)
    answered = False
    conn.pgconn.enter_pipeline_mode()
    try:
        for step in steps:
            step()
        results = await _received(conn)
        conn.pgconn.exit_pipeline_mode()
        answered = True
    finally:
        if not answered:
            await conn.close()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return [_rows(conn.transformer, results[place]) for place in places]


def _message(conn: Kept, asked: Sequence[Asked], *, keep: bool) -> tuple[list[_Step], list[int]]:
    """Return the commands of a message, and which of their results are those of the statements themselves."""
    pgconn = conn.pgconn
    places: list[int] = []
    steps: list[_Step] = []
    if len(conn.kept) >= KEPT:
        steps.append(partial(pgconn.send_query_params, b"deallocate all", None))
        conn.kept.clear()
    for statement, given in asked:
        if keep and statement.kept:
            name = statement.name.encode()
            values = statement.values(statement.names, given)
            texts = conn.transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
            if name not in conn.kept:
                steps.append(partial(pgconn.send_prepare, name, statement.sql.encode()))
                conn.kept.add(name)
            step = partial(pgconn.send_query_prepared, name, texts, result_format=Format.BINARY)
        else:
            text, names = statement.plain
            written = AsyncClientCursor(conn).mogrify(text, statement.values(names, given)).encode()
            step = partial(pgconn.send_query_params, written, None, result_format=Format.BINARY)
        places.append(len(steps))
        steps.append(step)
    steps.append(pgconn.pipeline_sync)
    return steps, places


async def _received(conn: Kept) -> list[PGresult]:
    """Send what is queued and return all results; who gives up waiting has it stopped."""
    try:
        return await conn.watched().whole()
    except asyncio.CancelledError:
        with suppress(psycopg.Error):
            await conn.cancel_safe(timeout=_CANCEL_S)
        raise


class _Watch:
    """Listens to a connection from one message to the next; the event loop itself gathers results as they come.

    A task is woken once, when all of its results are there. To begin and to end listening for each message takes the
    event loop eight calls of the system.
    """

    def __init__(self, pgconn: PGconn, loop: asyncio.AbstractEventLoop) -> None:
        self._pgconn = pgconn
        self._results: list[PGresult] = []
        self.loop = loop
        self._done: asyncio.Future[None] | None = None
        self._socket = pgconn.socket
        self._writing = self.stopped = False
        self.loop.add_reader(self._socket, self._take, self._gather)

    async def whole(self) -> list[PGresult]:
        """Send what is queued, wait for everything that answers it, and return it."""
        self._done = self.loop.create_future()
        self._take(self._send)
        try:
            await self._done
        finally:
            self._done = None
            # What came isn't kept while nobody asks.
            results, self._results = self._results, []
        return results

    def stop(self) -> None:
        """Listen no longer."""
        if not self.stopped:
            self.stopped = True
            self.loop.remove_reader(self._socket)
            if self._writing:
                self.loop.remove_writer(self._socket)

    def _take(self, step: Callable[[], None]) -> None:
        """Go on by a step; what goes wrong is for the one who waits, or for the one who asks next."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            # At once: libpq has closed a lost connection's socket, and the next client may get its number.
            self.stop()
            if self._done is not None and not self._done.done():
                self._done.set_exception(error)

    def _send(self) -> None:
        unsent = self._pgconn.flush() != 0
        if unsent and not self._writing:
            self.loop.add_writer(self._socket, self._take, self._send)
        elif self._writing and not unsent:
            self.loop.remove_writer(self._socket)
        self._writing = unsent

    def _gather(self) -> None:
        """Take what has come; the answer ends with the message's own sign."""
        self._read()
        if self._done is not None and not self._done.done():
            # That a socket has failed may be told once only, together with the last bytes.
            self._read()

    def _read(self) -> None:
        pgconn = self._pgconn
        pgconn.consume_input()
        while self._done is not None and not self._done.done() and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if pgconn.status != ConnStatus.OK:
                    raise psycopg.OperationalError(pgconn.get_error_message())
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._done.set_result(None)
            else:
                self._results.append(result)


def _rows(transformer: abc.Transformer, result: PGresult) -> Rows:
    if result.status != ExecStatus.TUPLES_OK:
        return []
    transformer.set_pgresult(result)
    rows = transformer.load_rows(0, result.ntuples, tuple)
    # Otherwise it would be kept for as long as nobody else asks.
    transformer.set_pgresult(None)
    return rows
