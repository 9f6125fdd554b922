"""Making a backup: a dump of one moment, a copy of the cluster for points in time, the files beside it, and photos."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from sqlalchemy import text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError

from gis_service.backups.photos import PHOTOS, PhotoKeeper, write_list
from gis_service.backups.sealing import Recipient, seal
from gis_service.backups.state import digest_of_catalogue, read_migration, read_tables
from gis_service.backups.store import Backup, Manifest, Store
from gis_service.database import explained, open_engine
from gis_service.digest import sha256_of
from gis_service.errors import UnavailableError
from gis_service.postgres_server import choose_programs, find_program, server_environment

DUMP, BASE, FILES = "dump.age", "base.age", "files.age"

Told = Callable[[str], None]
"""Called with one Chinese sentence before each step."""


@dataclass(frozen=True)
class Server:
    """The server that is backed up.

    Attributes
    ----------
    url
        How role ``gis_backup`` reaches the database.
    cluster
        The folder of the private cluster, whose version its programs must have; None for a server elsewhere.
    """

    url: str
    cluster: Path | None = None

    def command(self, program: str, *options: str) -> tuple[list[str], dict[str, str]]:
        """Return how a program of PostgreSQL is called, and in which environment: passwords are no arguments."""
        target = make_url(self.url)
        path = find_program(program) if self.cluster is None else choose_programs(self.cluster).folder / program
        environment = {
            **server_environment(),
            "PGUSER": target.username or "",
            "PGPASSWORD": target.password or "",
            "PGHOST": str(target.host or target.query.get("host", "")),
            "PGPORT": str(target.port or target.query.get("port", 5432)),
            "PGSSLMODE": str(target.query.get("sslmode", "prefer")),
            "PGCONNECT_TIMEOUT": "10",
        }
        return [str(path), "--no-password", *options], environment

    @property
    def database(self) -> str:
        """The database's name."""
        return make_url(self.url).database or "gis"

    @contextmanager
    def asked(self) -> Iterator[Connection]:
        """Open a transaction in which everything is seen as of one moment."""
        engine = open_engine(self.url).execution_options(isolation_level="REPEATABLE READ")
        try:
            with refused(), explained(), engine.begin() as conn:
                # Adding up a large table, and waiting for the dump beside it, takes longer than any request may.
                conn.execute(text("set local statement_timeout = 0"))
                conn.execute(text("set local idle_in_transaction_session_timeout = 0"))
                yield conn
        finally:
            engine.dispose()


@contextmanager
def refused() -> Iterator[None]:
    """Turn what the server refuses into one sentence; here it is always a matter of the role."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines()[0]
        raise UnavailableError(
            f"数据库拒绝:{said};请核对角色和口令,必要时由超级用户运行 gis-service database prepare。",
            f"The database refuses: {said}",
        ) from error


def make_backup(
    server: Server,
    store: Store,
    recipient: Recipient,
    files: Mapping[str, Path],
    told: Told,
    *,
    base: bool = True,
    photos: PhotoKeeper | None = None,
) -> Backup:
    """Make a backup; it is there as a whole, or not at all.

    Parameters
    ----------
    files
        What lies beside the database, by its name in the backup: files or folders; what doesn't exist is left out.
    base
        Whether to copy the whole cluster too, which needs the right to replicate.
    photos
        What seals the photos away; None to leave them out.

    Raises
    ------
    ConflictError
        When another backup is being made.
    UnavailableError
        When the server refuses, or the folder can't be written; the sentence says why.
    """
    try:
        with store.locked():
            return _make(server, store, store.begin(), recipient, files, told, base=base, photos=photos)
    except OSError as error:
        raise UnavailableError(
            f"备份目录 {store.folder} 写不了({error.strerror});请检查共享目录和磁盘空间。",
            f"The folder of backups can't be written: {error.strerror}.",
        ) from error


def _make(
    server: Server, store: Store, draft: Path, recipient: Recipient, files: Mapping[str, Path], told: Told,
    *, base: bool, photos: PhotoKeeper | None,
) -> Backup:  # fmt: skip
    begin, ended = "", None
    if base:
        told("复制整个集群")
        with _log_held(server):
            begin = _copy_cluster(server, draft / BASE, recipient)
        ended = datetime.now(UTC)
    with _quiet_moment(server) as (conn, position):
        snapshot = conn.execute(text("select pg_export_snapshot()")).scalar_one()
        told("清点各表")
        manifest = _described(conn, position, begin, ended)
        told("导出数据库")
        options = (f"--snapshot={snapshot}", "--format=custom", "--schema=gis")
        _sealed_output(server, ("pg_dump", *options, server.database), draft / DUMP, recipient)
    told("收集文件")
    with _packed(files.items()) as stream:
        seal(stream, draft / FILES, recipient)
    digests = {path.name: sha256_of(path) for path in sorted(draft.glob("*.age"))}
    if photos is not None:
        told("封存照片")
        # After the database: a photo is on the disk before the row that names it is committed.
        if names := photos.keep():
            digests[PHOTOS] = sha256_of(write_list(draft, names))
    return store.finish(draft, replace(manifest, files=digests))


def _copy_cluster(server: Server, target: Path, recipient: Recipient) -> str:
    """Copy the whole cluster; return the position of the log from which on it is needed.

    What the copy needs of the log to be whole goes along, so that it can be restored without any other.
    """
    with server.asked() as conn:
        begin = str(conn.execute(text("select redo_lsn from pg_control_checkpoint()")).scalar_one())
    _sealed_output(
        server,
        ("pg_basebackup", "--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--gzip",
         "--label=gis-service"),
        target, recipient,
    )  # fmt: skip
    return begin


@contextmanager
def _log_held(server: Server) -> Iterator[None]:
    """Let the server keep the log that the copy needs until the copy is whole: others may have fetched it already."""
    engine = open_engine(server.url).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with explained(), engine.connect() as conn:
            conn.execute(text("select pg_create_physical_replication_slot('gis_backup_copy', true, true)"))
            yield
    finally:
        # The slot is the session's and goes with it.
        engine.dispose()


_TRIES = 30
_PAUSE_SECONDS = 0.1


@contextmanager
def _quiet_moment(server: Server) -> Iterator[tuple[Connection, str]]:
    """Open a transaction at a moment when nobody is about to commit, and give the position of the log at it.

    Between a commit's record in the log and the moment when others see its rows lies a wait for the disk. Only when no
    transaction is under way, and none was begun meanwhile, does a position tell exactly which rows are seen. After
    three seconds of writers it is left open (empty).
    """
    for _ in range(_TRIES):
        with server.asked() as conn:
            before = conn.execute(_SNAPSHOT).one()
            with server.asked() as other:
                after = other.execute(_SNAPSHOT).one()
            if before.xmin == before.xmax == after.xmax:
                yield conn, before.position
                with server.asked() as other:
                    # A restore that is to end there must find that the log goes on.
                    other.execute(text("select pg_logical_emit_message(false, 'gis_service', 'backup')"))
                return
        time.sleep(_PAUSE_SECONDS)
    with server.asked() as conn:
        yield conn, ""


_SNAPSHOT = text("""
    select pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax,
      pg_current_wal_insert_lsn()::text as position
    from pg_current_snapshot() s""")


def _described(conn: Connection, position: str, begin: str, ended: datetime | None) -> Manifest:
    made_at = datetime.now(UTC)
    row = conn.execute(_LIFE).one()
    return Manifest(
        made_at, read_migration(conn), row.server, row.database, row.system, row.timeline, position, begin, ended,
        read_tables(conn), digest_of_catalogue(conn),
    )  # fmt: skip


_LIFE = text("""
    select system_identifier::text as system, timeline_id as timeline, current_database() as database,
      current_setting('server_version_num')::int / 10000 as server
    from pg_control_system(), pg_control_checkpoint()""")


def read_life(server: Server) -> tuple[str, int]:
    """Return the identifier of a server's cluster, and which of its lives this is: a restore begins a new one."""
    with server.asked() as conn:
        row = conn.execute(_LIFE).one()
    return row.system, row.timeline


def _sealed_output(server: Server, call: tuple[str, ...], target: Path, recipient: Recipient) -> None:
    """Seal what a program of PostgreSQL writes to its standard output."""
    arguments, environment = server.command(*call)
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd="/"
    )
    said: list[bytes] = []
    listener = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else b""))
    listener.start()
    try:
        seal(cast("IO[bytes]", process.stdout), target, recipient)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        listener.join()
    if process.returncode:
        target.unlink(missing_ok=True)
        raise UnavailableError(
            f"{call[0]} 没有成功:{_reason(said)};请核对 gis_backup 的权限(gis-service database prepare),再试一次。",
            f"{call[0]} failed: {_reason(said)}",
        )


def _reason(said: list[bytes]) -> str:
    lines = b"".join(said).decode(errors="replace").strip().splitlines() or ["没有说原因"]
    return next((line for line in lines if "error:" in line), lines[-1])


@contextmanager
def _packed(files: Iterable[tuple[str, Path]]) -> Iterator[IO[bytes]]:
    """Give a tar.gz of files and folders as a stream; what vanishes meanwhile is left out."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def pack() -> None:
        try:
            with (
                os.fdopen(writing, "wb") as pipe,
                gzip.GzipFile(fileobj=pipe, mode="wb", compresslevel=1) as packed,
                tarfile.open(fileobj=packed, mode="w|", dereference=True) as archive,
            ):
                for name, path in files:
                    _add(archive, name, path)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=pack, name="pack", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as stream:
            yield stream
    finally:
        thread.join()
    if failed:
        raise failed[0]


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    if path.is_dir():
        for one in sorted(path.iterdir()):
            _add(archive, f"{name}/{one.name}", one)
        return
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)
