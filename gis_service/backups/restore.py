"""Bringing a backup's dump back into a database, and its files to their places."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.backups.make import DUMP, FILES, Server, refused
from gis_service.backups.sealing import Key, unsealed
from gis_service.backups.state import differences, digest_of_catalogue, read_tables
from gis_service.backups.store import Backup
from gis_service.backups.unpacking import unpack
from gis_service.database import explained, open_engine
from gis_service.errors import ConflictError, InputError, UnavailableError

ASIDE = "%Y%m%dT%H%M%S%fZ"
"""How what is set aside is named: by the moment."""


def restore_dump(backup: Backup, key: Key, server: Server, *, replace: bool) -> str | None:
    """Bring the dump back into a prepared database, as its owner, and compare it with the manifest.

    Parameters
    ----------
    server
        How ``gis_owner`` reaches the database.
    replace
        Whether a schema with data may be there; it is set aside under another name, not deleted.

    Returns
    -------
    str or None
        The schema that was set aside.

    Raises
    ------
    ConflictError
        When the database isn't empty and nothing was said about it.
    InputError
        When what came back isn't what was backed up; the database is as it was.
    UnavailableError
        When PostgreSQL refuses; the database is as it was.
    """
    sealed = backup.file(DUMP)
    held, there = _holds_data(server)
    if held and not replace:
        raise occupied("这个数据库")
    aside = f"gis_before_{datetime.now(UTC):{ASIDE}}".lower() if there else None
    if aside is not None:
        _run(server, f"alter schema gis rename to {aside}")
    try:
        _pg_restore(server, sealed, key)
        _check(backup, server)
    except BaseException:
        _run(server, "drop schema if exists gis cascade")
        if aside is not None:
            _run(server, f"alter schema {aside} rename to gis")
        raise
    if aside is not None and not held:
        _run(server, f"drop schema {aside} cascade")
        return None
    return aside


def _check(backup: Backup, server: Server) -> None:
    with owned(server) as conn:
        said = compare(backup, conn)
    if said:
        raise InputError(
            f"恢复出来的与备份时不同({';'.join(said[:5])}),没有采用;请用另一份备份。",
            "What was restored differs from the backup.",
        )


def _pg_restore(server: Server, sealed: Path, key: Key) -> None:
    arguments, environment = server.command(
        "pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", f"--dbname={server.database}"
    )
    with tempfile.TemporaryFile() as said:
        with unsealed(sealed, key) as stream:
            process = subprocess.Popen(
                arguments, stdin=stream, stdout=subprocess.DEVNULL, stderr=said, env=environment, cwd="/"
            )
            process.wait()
        if process.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or ["没有说原因"]
            raise UnavailableError(
                f"pg_restore 没有成功:{next((line for line in lines if 'error:' in line), lines[-1])};"
                "数据库没有变。请先运行 gis-service database prepare,再试一次。",
                "pg_restore failed; nothing has changed.",
            )


def _holds_data(server: Server) -> tuple[bool, bool]:
    """Return whether there are data, and whether there is a schema at all."""
    with owned(server) as conn:
        there = bool(conn.execute(text("select to_regnamespace('gis')")).scalar())
        names = conn.execute(
            text("select relname from pg_class where relnamespace = to_regnamespace('gis') and relkind = 'r'"
                 " and relname in ('area', 'account', 'audit')")
        ).scalars()  # fmt: skip
        asked = " or ".join(f"exists (select from gis.{name})" for name in names.all())
        return bool(asked and conn.execute(text(f"select {asked}")).scalar()), there


@contextmanager
def owned(server: Server) -> Iterator[Connection]:
    """Open a transaction as whoever the server is reached by."""
    engine = open_engine(server.url)
    try:
        with refused(), explained(), engine.begin() as conn:
            conn.execute(text("set local statement_timeout = 0"))
            yield conn
    finally:
        engine.dispose()


def _run(server: Server, statement: str) -> None:
    with owned(server) as conn:
        conn.execute(text(statement))


def restore_files(backup: Backup, key: Key, data: Path, *, only: str | None = None) -> int:
    """Bring back the files that lay beside the database, where there are none; return how many.

    Without ``only`` the passwords stay out: they belong to a cluster, and another one has its own.
    """

    def wanted(name: str) -> bool:
        return (name == only if only else name != "passwords.json") and not (data / name).exists()

    with unsealed(backup.file(FILES), key) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
        return unpack(archive, data, wanted)


def occupied(where: str) -> ConflictError:
    """Return the error for a place that isn't empty."""
    return ConflictError(
        f"{where}里已经有数据,没有恢复;请用 --data 指向新的目录或新的数据库,"
        "确实要换掉时写 --replace(原来的改名留着,不会删除)。",
        "There are data already; nothing was restored.",
    )


def compare(backup: Backup, conn: Connection) -> list[str]:
    """Return what differs between a backup and a database that was restored from it; nothing when all is well.

    Servers of another major version describe the same definitions in other words: there only rows are compared.
    """
    said = differences(dict(backup.manifest.tables), read_tables(conn))
    major = conn.execute(text("select current_setting('server_version_num')::int / 10000")).scalar_one()
    if major == backup.manifest.server and digest_of_catalogue(conn) != backup.manifest.catalogue:
        said.append("结构与备份时不同(列、约束、策略、触发器、函数或权限)")
    return said


def end_logins(conn: Connection) -> int:
    """End every session and token: one that was revoked since the backup would live again; return how many."""
    conn.execute(text("delete from gis.login_attempt"))
    return conn.execute(text("delete from gis.credential")).rowcount
