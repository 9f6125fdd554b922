"""The quick way to ask: one message to PostgreSQL and one answer back, for each request.

A message is one read-only transaction of several statements: first the scope, then the questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from string import Formatter

import psycopg
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, QueryCanceled
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests
from sqlalchemy.engine import make_url

from gis_service.errors import InputError, UnavailableError
from gis_service.pipeline import Kept, exchange, make_ready
from gis_service.scope import GRANTED, SETTINGS, Scope, ended, settings_of
from gis_service.statement import Asked, Rows, Statement

_SESSION = (
    "-c statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000"
    " -c default_transaction_read_only=on -c plan_cache_mode=force_generic_plan -c jit=off"
    " -c max_parallel_workers_per_gather=0"
    " -c search_path=gis,public -c timezone=UTC"
)
POOL_SIZE, POOL_WAIT_S, POOL_QUEUE = 8, 3.0, 200


class Reader:
    """A pool of connections of the application's role that only read; opened and closed by the running service."""

    def __init__(self, url: str) -> None:
        target = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._pool: AsyncConnectionPool[Kept] = AsyncConnectionPool(
            target, connection_class=Kept, min_size=1, max_size=POOL_SIZE, timeout=POOL_WAIT_S,
            max_waiting=POOL_QUEUE, max_lifetime=300, open=False, configure=_configure, reconnect_timeout=10,
            kwargs={"autocommit": True, "options": _SESSION, "connect_timeout": 5, "prepare_threshold": None},
        )  # fmt: skip

    async def open(self) -> None:
        """Open the pool in the running event loop; connections are made as they are needed."""
        await self._pool.open()

    async def close(self) -> None:
        """Give back all connections."""
        await self._pool.close()

    async def ask(self, scope: Scope, *questions: Asked) -> list[Rows]:
        """Return the rows that answer each question, in one round trip; texts and JSON are bytes.

        Raises
        ------
        InputError
            When features can't be given in the system that was asked for, or a value is out of range.
        UnavailableError
            When no connection is free in time, the database is away, or a question takes too long.
        EndedError
            When the credential gives something else by now, or nothing.
        """
        try:
            try:
                return await self._ask(scope, questions)
            except psycopg.OperationalError as error:
                # A connection that was lost while it lay in the pool says so only when it is used. Nothing is
                # written, so that it is safe to ask again.
                if isinstance(error, PoolTimeout | TooManyRequests | QueryCanceled):
                    raise
                await self._pool.check()
                return await self._ask(scope, questions)
        except QueryCanceled as error:
            raise UnavailableError(
                "这个问题算得太久,已停止;请缩小范围再试。", "The query took too long and was stopped; ask for less."
            ) from error
        except psycopg.InternalError as error:
            # PROJ refuses coordinates that a projected system can't hold.
            if "transform" not in str(error):
                raise
            raise InputError(
                "这里的数据不在所要的坐标系的适用范围内,请换一个坐标系,例如 CRS84。",
                "The features lie outside of what the coordinate reference system can hold; ask for another one.",
            ) from error
        except psycopg.DataError as error:
            raise out_of_range() from error
        except psycopg.OperationalError as error:
            raise UnavailableError(
                "现在请求太多,或数据库暂时连不上,请稍候再试;若持续如此,请运行 gis-service doctor。",
                "Too many requests, or the database is away; try again shortly, then run gis-service doctor.",
            ) from error

    async def _ask(self, scope: Scope, questions: Sequence[Asked]) -> list[Rows]:
        # Nothing is open when a message has been answered, so there is nothing to commit.
        conn = await self._pool.getconn()
        try:
            return await _answers(conn, scope, questions)
        finally:
            await self._pool.putconn(conn)


def out_of_range() -> InputError:
    """Return the error for a value that PostgreSQL can't hold or reckon with: too large, too small, no such moment."""
    return InputError(
        "有一个数或时刻超出了能计算的范围;请检查各参数的值。", "A number or a moment is out of range; check the values."
    )


async def _answers(conn: Kept, scope: Scope, questions: Sequence[Asked]) -> list[Rows]:
    asked = [_entering(scope), *questions]
    try:
        (first, *rest) = await exchange(conn, asked)
    except (InvalidSqlStatementName, DuplicatePreparedStatement):
        # Something in between gives each transaction another session, or a message failed half way: what the
        # connection keeps isn't what was noted.
        conn.kept.clear()
        await conn.execute("deallocate all")
        (first, *rest) = await exchange(conn, asked, keep=False)
    if not first:
        raise ended()
    return rest


async def _configure(conn: Kept) -> None:
    make_ready(conn)


def _numbered(written: str) -> Statement:
    names = tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(written) if name))
    return Statement(written.format(**{name: f"${at}" for at, name in enumerate(names, 1)}), names, {}, kept=True)


_ENTER, _ENTER_GRANTED = _numbered(SETTINGS), _numbered(SETTINGS + GRANTED)


@lru_cache(maxsize=1024)
def _entering(scope: Scope) -> Asked:
    """Return the statement that tells the transaction whose it is; the few scopes of today are asked for often."""
    return (_ENTER if scope.grant is None else _ENTER_GRANTED), settings_of(scope)
