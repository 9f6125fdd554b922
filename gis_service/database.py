"""The database: engines, transactions that carry a scope, and what a superuser prepares once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import OperationalError as LostConnection
from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gis_service.changes import Changes
from gis_service.errors import ForbiddenError, UnavailableError
from gis_service.past import Past, check_settled, look_back
from gis_service.reader import Reader
from gis_service.scope import Scope, enter

ROLES = ("gis_owner", "gis_app", "gis_backup")

_SESSION = (
    "-c statement_timeout=60000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
    " -c search_path=gis,public -c timezone=UTC"
)


@dataclass(frozen=True)
class Database:
    """Two engines: one to write with, one to read with, which may point at a standby."""

    writer: Engine
    reader: Engine

    @contextmanager
    def read(self, scope: Scope, *, past: Past | None = None, snapshot: bool = False) -> Iterator[Connection]:
        """Open a read-only transaction that sees what the scope sees.

        Parameters
        ----------
        past
            Reads what was recorded then instead of what is so today.
        snapshot
            Whether all of its statements see one moment, whatever is written meanwhile.

        Raises
        ------
        UnavailableError
            When somebody still writes who began before the moment that is looked back to.
        """
        # Looking back needs temporary tables, which a standby can't have.
        with explained(), _connected(self.reader if past is None else self.writer) as conn:
            if past is not None:
                with conn.begin():
                    check_settled(conn, past.moment)
            if snapshot:
                conn.execution_options(isolation_level="REPEATABLE READ")
            with conn.begin():
                enter(conn, scope)
                if past is not None:
                    look_back(conn, past)
                conn.execute(text("set transaction read only"))
                yield conn

    @contextmanager
    def note(self, scope: Scope) -> Iterator[Connection]:
        """Open a transaction that notes what is read; whoever may only look does so too."""
        with explained(), _connected(self.writer) as conn, conn.begin():
            enter(conn, scope)
            yield conn

    @contextmanager
    def write(self, scope: Scope, upload: str | None = None) -> Iterator[Connection]:
        """Open a transaction that may change what the scope reaches; it commits as a whole or not at all.

        Raises
        ------
        ForbiddenError
            When the scope is for looking only.
        """
        if scope.grant is not None and scope.grant.read_only:
            raise ForbiddenError(
                "现在只能查看,不能修改:令牌是只读的,或正以别人的身份查看。", "This login is for looking only."
            )
        with explained(), _connected(self.writer) as conn, conn.begin():
            enter(conn, scope, upload)
            yield conn

    def quick(self) -> Reader:
        """Return a reader for an event loop; whoever takes it opens and closes it."""
        return Reader(self.reader.url.render_as_string(hide_password=False))

    def changes(self) -> Changes:
        """Return what listens, in an event loop, to what is written; whoever takes it closes it."""
        return Changes(self.writer.url.render_as_string(hide_password=False))

    def ready(self) -> None:
        """Return when the database answers and its schema is there; raise UnavailableError otherwise."""
        try:
            with self.reader.connect() as conn:
                conn.execute(text("select from gis.area limit 0"))
        except DBAPIError as error:
            raise _away() from error

    def close(self) -> None:
        """Give back all connections."""
        self.writer.dispose()
        self.reader.dispose()


def connect(url: str, read_url: str | None = None) -> Database:
    """Return a database for the application's role; connections are opened when they are first needed."""
    writer = open_engine(url)
    return Database(writer, open_engine(read_url) if read_url and read_url != url else writer)


def open_engine(url: str) -> Engine:
    """Return an engine whose connections are checked before use and renewed every five minutes."""
    target = make_url(url)
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    return create_engine(
        target, pool_size=8, max_overflow=4, pool_timeout=5, pool_pre_ping=True, pool_recycle=300,
        connect_args={"options": _SESSION, "connect_timeout": 5},
    )  # fmt: skip


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database says about itself, not about the data, into errors that callers can answer with."""
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError("现在请求太多,请稍候再试。", "Too many requests just now; try again shortly.") from error
    except DBAPIError as error:
        if isinstance(error.orig, QueryCanceled):
            raise UnavailableError(
                "这个问题算得太久,已停止;请缩小范围再试。", "The query took too long and was stopped; ask for less."
            ) from error
        if isinstance(error.orig, DeadlockDetected | LockNotAvailable):
            raise UnavailableError(
                "有人正在改同样的数据,这次没有写入任何内容;请稍候再试。",
                "Someone else is changing the same rows; nothing was written, try again shortly.",
            ) from error
        if error.connection_invalidated or (isinstance(error.orig, LostConnection) and error.orig.sqlstate is None):
            raise _away() from error
        raise


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        conn = engine.connect()
    except OperationalError as error:
        raise _away() from error
    try:
        yield conn
    finally:
        conn.close()


def _away() -> UnavailableError:
    return UnavailableError(
        "数据库现在连不上或尚未准备好,请稍候再试;若持续如此,请运行 gis-service doctor。",
        "The database can't be reached or isn't prepared; try again shortly, then run gis-service doctor.",
    )


def prepare(superuser_url: str, passwords: dict[str, str], name: str = "gis") -> None:
    """Make roles, database and extension; idempotent, run by a superuser once for each cluster.

    PostGIS operators aren't marked leakproof, so row-level security would keep the planner from using spatial
    indexes. ``geometry_overlaps`` reads only boxes and raises only on mixed SRIDs, which the columns' type rules out;
    so it is marked here. The mark isn't part of a dump: a restored database needs ``prepare`` again.
    """
    engine = open_engine(superuser_url).execution_options(isolation_level="AUTOCOMMIT")
    with explained(), _connected(engine) as conn:
        # A service and a worker that start at once would change the same roles: PostgreSQL refuses the second.
        conn.execute(text("select pg_advisory_lock(hashtextextended('gis.prepare', 0))"))
        for role in ROLES:
            _make_role(conn, role, passwords[role])
        if not conn.execute(text("select 1 from pg_database where datname = :name"), {"name": name}).scalar():
            _run(conn, sql.SQL("create database {} owner gis_owner").format(sql.Identifier(name)))
        inside = open_engine(make_url(superuser_url).set(database=name).render_as_string(hide_password=False))
        with inside.begin() as other:
            other.execute(text("create extension if not exists postgis with schema public"))
            other.execute(text("alter function public.geometry_overlaps(public.geometry, public.geometry) leakproof"))
            other.execute(text("revoke create on schema public from public"))
        inside.dispose()
    # The lock is the session's and goes with it.
    engine.dispose()


def _make_role(conn: Connection, role: str, password: str) -> None:
    """Make a role that is never a superuser; only the backup role reads past row-level security, and replicates."""
    exists = conn.execute(text("select 1 from pg_roles where rolname = :role"), {"role": role}).scalar()
    options = "login nosuperuser nocreatedb nocreaterole " + (
        "bypassrls replication" if role == "gis_backup" else "nobypassrls noreplication"
    )
    verb = "alter" if exists else "create"
    _run(
        conn,
        sql.SQL("{} role {} {} password {}").format(
            sql.SQL(verb), sql.Identifier(role), sql.SQL(options), sql.Literal(password)
        ),
    )


def _run(conn: Connection, statement: sql.Composed) -> None:
    """Run a statement that takes names, which can't be bound as values; psycopg quotes them."""
    driver = conn.connection.driver_connection
    if driver is None:
        raise _away()
    driver.execute(statement)


def spatial_index_helps(conn: Connection) -> bool:
    """Return whether ``geometry_overlaps`` is marked leakproof, as spatial indexes under row-level security need."""
    return bool(
        conn.execute(
            text(
                "select proleakproof from pg_proc"
                " where oid = 'public.geometry_overlaps(public.geometry,public.geometry)'::regprocedure"
            )
        ).scalar()
    )
