"""One message of several statements to PostgreSQL, and one answer: a transaction in a single round trip.

Statements stand prepared on the connection, so that a message holds little more than their values; answers come in the
binary format, in which a tile's bytes are themselves instead of two digits each. psycopg's own pipelines do the same;
but they wake their task for every 8 kB that PostgreSQL sends, which costs as much as all the rest of a small answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import AsyncClientCursor, AsyncConnection, abc
from psycopg.adapt import Loader, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from gis_service.statement import Asked, Rows

KEPT = 256
"""Prepared statements that a connection keeps before it starts anew: questions come in more shapes than these."""
_CANCEL_S = 2.0


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
        unless it is closed.
    """
    conn.pgconn.enter_pipeline_mode()
    try:
        places = _send(conn, asked, keep=keep)
        results = await _received(conn)
    finally:
        if conn.pgconn.status == ConnStatus.OK:
            conn.pgconn.exit_pipeline_mode()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return [_rows(conn.transformer, results[place]) for place in places]


def _send(conn: Kept, asked: Sequence[Asked], *, keep: bool) -> list[int]:
    """Queue a message; return which of its results are those of the statements themselves."""
    pgconn, places, count = conn.pgconn, [], 0
    if len(conn.kept) >= KEPT:
        pgconn.send_query_params(b"deallocate all", None)
        conn.kept.clear()
        count += 1
    for statement, given in asked:
        if keep and statement.kept:
            name = statement.name.encode()
            if name not in conn.kept:
                pgconn.send_prepare(name, statement.sql.encode())
                conn.kept.add(name)
                count += 1
            values = statement.values(statement.names, given)
            texts = conn.transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
            pgconn.send_query_prepared(name, texts, result_format=Format.BINARY)
        else:
            text, names = statement.plain
            written = AsyncClientCursor(conn).mogrify(text, statement.values(names, given))
            pgconn.send_query_params(written.encode(), None, result_format=Format.BINARY)
        places.append(count)
        count += 1
    pgconn.pipeline_sync()
    return places


async def _received(conn: Kept) -> list[PGresult]:
    """Send what is queued and return all results; who is cancelled meanwhile leaves the connection ready for others."""
    answer = _Answer(conn.pgconn)
    try:
        return await answer.whole()
    except asyncio.CancelledError:
        await conn.cancel_safe(timeout=_CANCEL_S)
        await answer.whole()
        raise


class _Answer:
    """Results, gathered by the event loop itself as they come: their task is woken once, when all are there."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._results: list[PGresult] = []
        self._sent = True
        self._ended = False

    async def whole(self) -> list[PGresult]:
        """Wait for the rest and return all of it."""
        loop, socket = asyncio.get_running_loop(), self._pgconn.socket
        done: asyncio.Future[None] = loop.create_future()

        def settle(step: Callable[[], None]) -> None:
            try:
                step()
            except psycopg.Error as error:
                self._ended = True
                if not done.done():
                    done.set_exception(error)
                return
            if self._ended and not done.done():
                done.set_result(None)

        def send() -> None:
            self._sent = self._pgconn.flush() == 0
            if self._sent:
                loop.remove_writer(socket)

        if not self._ended:
            loop.add_reader(socket, settle, self._gather)
            try:
                self._sent = self._pgconn.flush() == 0
                if not self._sent:
                    loop.add_writer(socket, settle, send)
                await done
            finally:
                loop.remove_reader(socket)
                if not self._sent:
                    loop.remove_writer(socket)
        return self._results

    def _gather(self) -> None:
        """Take what has come; the answer ends with the message's own sign."""
        pgconn = self._pgconn
        pgconn.consume_input()
        while not self._ended and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if pgconn.status != ConnStatus.OK:
                    raise psycopg.OperationalError(pgconn.get_error_message())
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._ended = True
            else:
                self._results.append(result)


def _rows(transformer: abc.Transformer, result: PGresult) -> Rows:
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple) if result.status == ExecStatus.TUPLES_OK else []
