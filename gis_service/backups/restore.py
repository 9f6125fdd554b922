"""Bringing a backup back: the dump into an empty database, or the whole cluster as it was at a point in time."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.backups.make import BASE, DUMP, FILES, Server, Told
from gis_service.backups.sealing import Key, read_sealed, unsealed
from gis_service.backups.state import differences, digest_of_catalogue, read_tables
from gis_service.backups.store import Backup, Store, position_of, segment_end
from gis_service.database import explained, open_engine
from gis_service.errors import ConflictError, InputError, UnavailableError
from gis_service.features.question import SHANGHAI
from gis_service.local_cluster import ClusterError, LocalCluster
from gis_service.postgres_server import server_user

_ASIDE = "%Y%m%dT%H%M%S%fZ"
_BELONGING = ("postgres", "passwords.json", "uploads", "wal", "sample_decided")
"""What belongs to a cluster, in its data folder."""
_RECOVERY_SECONDS = 4 * 3600.0
"""A long log takes its time."""


# -- the dump ---------------------------------------------------------------------------------------------------------


def restore_dump(backup: Backup, key: Key, server: Server, *, replace: bool) -> None:
    """Bring the dump back into a prepared database, as its owner, in one transaction.

    Parameters
    ----------
    server
        How ``gis_owner`` reaches the database.
    replace
        Whether a schema with data may be there; it is set aside under another name, not deleted.

    Raises
    ------
    ConflictError
        When the database isn't empty and nothing was said about it.
    UnavailableError
        When PostgreSQL refuses; the database is as it was.
    """
    sealed = backup.file(DUMP)
    aside = None
    if _holds_data(server):
        if not replace:
            raise _occupied("这个数据库")
        aside = f"gis_before_{datetime.now(UTC):{_ASIDE}}".lower()
        _run(server, f"alter schema gis rename to {aside}")
    else:
        _run(server, "drop schema if exists gis cascade")
    try:
        _pg_restore(server, sealed, key)
    except BaseException:
        if aside is not None:
            _run(server, f"alter schema {aside} rename to gis")
        raise


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


def _holds_data(server: Server) -> bool:
    with owned(server) as conn:
        tables = set(
            conn.execute(
                text("select relname from pg_class where relnamespace = to_regnamespace('gis') and relkind = 'r'")
            ).scalars()
        )
        counted = (f"exists (select from gis.{name})" for name in ("area", "account", "audit") if name in tables)
        asked = " or ".join(counted)
        return bool(asked and conn.execute(text(f"select {asked}")).scalar())


@contextmanager
def owned(server: Server) -> Iterator[Connection]:
    """Open a transaction as whoever the server is reached by."""
    engine = open_engine(server.url)
    try:
        with explained(), engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def _run(server: Server, statement: str) -> None:
    with owned(server) as conn:
        conn.execute(text("set local statement_timeout = 0"))
        conn.execute(text(statement))


# -- the whole cluster ------------------------------------------------------------------------------------------------


def restore_base(
    backup: Backup, key: Key, store: Store, cluster: LocalCluster, told: Told,
    *, at: datetime | None = None, position: str = "", with_log: bool = True,
) -> None:  # fmt: skip
    """Bring back the whole cluster as it was at a moment, or at the end of the log; it runs when this returns.

    Parameters
    ----------
    cluster
        Where to; there must be none yet, see ``set_aside``. Its passwords are brought back with it.
    at
        The moment; None for the latest that there is.
    position
        The same as a position of the log: what lies before it counts.
    with_log
        Whether to read the log kept since; without it the copy is as it was when it was made.

    Raises
    ------
    InputError
        When the moment lies before the copy was whole, or after the log ends.
    """
    if backup.manifest.base_at is None:
        raise InputError(
            f"备份 {backup.name} 里只有导出,没有整个集群的复制;请不写 --at,或用另一份备份。",
            "The backup holds no copy of the cluster.",
        )
    if at is not None and at < backup.manifest.base_at:
        raise InputError(
            f"{_said(at)} 早于这份备份({_said(backup.manifest.base_at)});请用更早的备份。",
            "The moment lies before this backup.",
        )
    sealed = backup.file(BASE)
    cluster.data.mkdir(mode=0o711, parents=True, exist_ok=True)
    restore_files(backup, key, cluster.data, only="passwords.json")
    told("展开整个集群的复制")
    _unpack_cluster(sealed, key, cluster.cluster)
    log = cluster.cluster / "restored_log"
    log.mkdir(mode=0o700)
    if with_log:
        told("取回数据库的日志")
        _unpack_log(backup, key, store, log)
    _write_recovery(cluster.cluster, log, at, position)
    _own(cluster.cluster)
    told("恢复到所要的时刻")
    _recover(cluster, "这份备份的导出" if at is None else _said(at))
    shutil.rmtree(log)


def _unpack_cluster(sealed: Path, key: Key, target: Path) -> None:
    draft = target.with_name("postgres.restored")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with unsealed(sealed, key) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
        archive.extractall(draft, filter="data")
    draft.rename(target)


def _unpack_log(backup: Backup, key: Key, store: Store, log: Path) -> None:
    first = position_of(backup.manifest.base_from)
    for path in sorted(store.log_of(backup.manifest.system).glob("*.age")):
        name = path.name.removesuffix(".age")
        end = segment_end(name)
        if end is None or end > first:
            (log / name).write_bytes(gzip.decompress(read_sealed(path, key)))


def _write_recovery(cluster: Path, log: Path, at: datetime | None, position: str) -> None:
    command = f"cp {shlex.quote(str(log))}/%f %p".replace("'", "''")
    # Nobody is let in before the moment is reached, so that a server that answers is one that can be written to.
    lines = [f"restore_command = '{command}'", "recovery_target_action = 'promote'", "hot_standby = off"]
    if at is not None:
        lines.append(f"recovery_target_time = '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'")
    if position:
        lines += [f"recovery_target_lsn = '{position}'", "recovery_target_inclusive = off"]
    with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    (cluster / "recovery.signal").touch()


def _own(folder: Path) -> None:
    user = server_user()
    if not user:
        return
    for root, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(root) / name, user["user"], user["group"], follow_symlinks=False)


def _recover(cluster: LocalCluster, when: str) -> None:
    try:
        cluster.start(seconds=_RECOVERY_SECONDS)
    except ClusterError as error:
        if "recovery target" in str(error):
            raise InputError(
                f"备份里的日志还没有到{when};请写早一些的时刻,或不写 --at 恢复到最后。",
                "The log ends before that moment.",
            ) from error
        raise
    engine = open_engine(cluster.url("postgres", "postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with explained(), engine.connect() as conn:
        for name in ("restore_command", "recovery_target_action", "recovery_target_time", "recovery_target_lsn",
                     "recovery_target_inclusive", "hot_standby"):  # fmt: skip
            conn.execute(text(f"alter system reset {name}"))
        conn.execute(text("select pg_reload_conf()"))
    engine.dispose()


def _said(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


# -- what is common to both -------------------------------------------------------------------------------------------


def restore_files(backup: Backup, key: Key, data: Path, *, only: str | None = None) -> int:
    """Bring back the files that lay beside the database, where there are none; return how many.

    Without ``only`` the passwords stay out: they belong to a cluster, and another one has its own.
    """
    count = 0
    with unsealed(backup.file(FILES), key) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            wanted = member.name == only if only else member.name != "passwords.json"
            if wanted and member.isfile() and not (data / member.name).exists():
                archive.extract(member, data, filter="data")
                count += 1
    return count


def set_aside(cluster: LocalCluster, *, replace: bool) -> Path | None:
    """Move a cluster that is in the way, and what belongs to it, to a folder beside it; return that folder.

    Raises
    ------
    ConflictError
        When there is one and nothing was said about it.
    """
    there = [cluster.data / name for name in _BELONGING if (cluster.data / name).exists()]
    if not there:
        return None
    if not replace:
        raise _occupied(f"数据目录 {cluster.data} ")
    cluster.stop()
    aside = cluster.data / f"before-{datetime.now(UTC):{_ASIDE}}"
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    return aside


def bring_back(cluster: LocalCluster, aside: Path | None) -> None:
    """Undo a restore that failed: what it made goes, and what was set aside is there again."""
    cluster.stop()
    for name in (*_BELONGING, "postgres.restored"):
        path = cluster.data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if aside is not None:
        for path in aside.iterdir():
            path.rename(cluster.data / path.name)
        aside.rmdir()


def _occupied(where: str) -> ConflictError:
    return ConflictError(
        f"{where}里已经有数据,没有恢复;请用 --data 指向新的目录或新的数据库,"
        "确实要换掉时写 --replace(原来的改名留着,不会删除)。",
        "There are data already; nothing was restored.",
    )


def compare(backup: Backup, conn: Connection) -> list[str]:
    """Return what differs between a backup and a database that was restored from its dump; nothing when all is well."""
    conn.execute(text("set local statement_timeout = 0"))
    said = differences(dict(backup.manifest.tables), read_tables(conn))
    if digest_of_catalogue(conn) != backup.manifest.catalogue:
        said.append("结构与备份时不同(列、约束、策略、触发器、函数或权限)")
    return said


def end_logins(conn: Connection) -> int:
    """End every session and token: one that was revoked since the backup would live again; return how many."""
    conn.execute(text("delete from gis.login_attempt"))
    return conn.execute(text("delete from gis.credential")).rowcount
