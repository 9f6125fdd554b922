"""Bringing the whole private cluster back, as it was at a point in time."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from gis_service.backups.log_names import first_gap, position_of, segment_end, timeline_of
from gis_service.backups.make import BASE, Told
from gis_service.backups.restore import ASIDE, occupied, restore_files
from gis_service.backups.sealing import Key, read_sealed, unsealed
from gis_service.backups.store import Backup, Store
from gis_service.backups.unpacking import unpack
from gis_service.database import explained, open_engine
from gis_service.errors import InputError, UnavailableError
from gis_service.features.question import SHANGHAI
from gis_service.local_cluster import ClusterError, LocalCluster
from gis_service.postgres_server import server_user

_RECOVERY_SECONDS = 4 * 3600.0
"""A long log takes its time."""
_BELONGING = ("postgres", "passwords.json", "wal", "sample_decided")
"""What belongs to a cluster, in its data folder; the files that people sent stay, those that are missing are added."""
_RECOVERY = (
    "restore_command", "recovery_target_action", "recovery_target_time", "recovery_target_lsn",
    "recovery_target_inclusive", "recovery_target_timeline", "hot_standby",
)  # fmt: skip


def restore_base(
    backup: Backup, key: Key, store: Store, cluster: LocalCluster, told: Told,
    *, at: datetime | None = None, position: str = "", with_log: bool = True,
) -> None:  # fmt: skip
    """Bring back the whole cluster as it was at a moment, or at the end of the log; it runs when this returns.

    The log that counts is that of the life of the cluster in which the copy was made: a restore begins another one,
    of which a copy is made at once, so that each moment belongs to one of them.

    Parameters
    ----------
    cluster
        Where to; there must be none yet, see ``set_aside``. The passwords of a private cluster come back with it.
    at
        The moment; None for the latest that there is.
    position
        The same as a position of the log: what lies before it counts.
    with_log
        Whether to read the log kept since; without it the copy is as it was when it was made.

    Raises
    ------
    InputError
        When the moment lies before the copy was whole, or after the log ends; or a part of the log is missing.
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
    foreign = not restore_files(backup, key, cluster.data, only="passwords.json")
    if foreign:
        # A server elsewhere keeps its passwords; this copy gets its own.
        _ = cluster.passwords
    told("展开整个集群的复制")
    _unpack_cluster(sealed, key, cluster.cluster)
    log = cluster.cluster / "restored_log"
    log.mkdir(mode=0o700)
    if with_log:
        told("取回数据库的日志")
        _unpack_log(backup, key, store, log)
    _write_settings(cluster.cluster, log, at, position, foreign=foreign)
    _own(cluster.cluster)
    told("恢复到所要的时刻")
    _recover(cluster, "这份备份的导出" if at is None else _said(at))
    if foreign:
        _settle(cluster, backup.manifest.database)
    shutil.rmtree(log)


def _unpack_cluster(sealed: Path, key: Key, target: Path) -> None:
    draft = target.with_name("postgres.restored")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with unsealed(sealed, key) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
        unpack(archive, draft)
    draft.rename(target)


def _unpack_log(backup: Backup, key: Key, store: Store, log: Path) -> None:
    first, folder = position_of(backup.manifest.base_from), store.log_of(backup.manifest.system)
    names = [path.name for path in sorted(folder.glob("*.age"))]
    wanted = [
        name for name in names
        if (end := segment_end(name)) is not None and end > first and timeline_of(name) == backup.manifest.timeline
    ]  # fmt: skip
    gap = first_gap(wanted, first)
    if gap is not None and wanted:
        raise InputError(
            f"备份目录里缺了一段数据库的日志(从 {gap >> 32:X}/{gap & 0xFFFFFFFF:X} 起),只能恢复到缺口以前;"
            "请找回它,或用更晚的备份,或写 --dump 用导出的数据库。",
            "A part of the log is missing.",
        )
    # By the histories of other lives the server finds a number for the next one that nobody has had.
    for name in [*wanted, *(name for name in names if ".history" in name)]:
        (log / name.removesuffix(".age")).write_bytes(gzip.decompress(read_sealed(folder / name, key)))


def _write_settings(cluster: Path, log: Path, at: datetime | None, position: str, *, foreign: bool) -> None:
    """Say how to recover; of the settings in the copy none is used, whoever has written them."""
    command = f"cp {shlex.quote(str(log)).replace('%', '%%')}/%f %p".replace("'", "''")
    # Nobody is let in before the moment is reached, so that a server that answers is one that can be written to.
    lines = [
        f"restore_command = '{command}'", "recovery_target_action = 'promote'", "hot_standby = off",
        "recovery_target_timeline = 'current'",
    ]  # fmt: skip
    if at is not None:
        lines.append(f"recovery_target_time = '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'")
    if position:
        lines += [f"recovery_target_lsn = '{position}'", "recovery_target_inclusive = off"]
    (cluster / "postgresql.auto.conf").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (cluster / "postgresql.conf").write_text("", encoding="utf-8")
    _write_access(cluster, "trust" if foreign else "scram-sha-256")
    (cluster / "recovery.signal").touch()


def _write_access(cluster: Path, method: str) -> None:
    lines = [f"local all all {method}\n", f"local replication all {method}\n"]
    (cluster / "pg_hba.conf").write_text("".join(lines), encoding="utf-8")


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
        for name in _RECOVERY:
            conn.execute(text(f"alter system reset {name}"))
        conn.execute(text("select pg_reload_conf()"))
    engine.dispose()


def _settle(cluster: LocalCluster, database: str) -> None:
    """Give the copy of a server elsewhere the passwords and the name of a private cluster's, and ask for them again."""
    engine = open_engine(cluster.url("postgres", "postgres")).execution_options(isolation_level="AUTOCOMMIT")
    with explained(), engine.connect() as conn:
        quote = conn.dialect.identifier_preparer.quote
        conn.execute(text(f"alter role postgres password '{cluster.passwords['postgres']}'"))
        if database != "gis":
            conn.execute(text(f"alter database {quote(database)} rename to gis"))
        _write_access(cluster.cluster, "scram-sha-256")
        conn.execute(text("select pg_reload_conf()"))
    engine.dispose()


def _said(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


# -- what is in the way -----------------------------------------------------------------------------------------------


def set_aside(cluster: LocalCluster, *, replace: bool) -> Path | None:
    """Move a cluster that is in the way, and what belongs to it, to a folder beside it; return that folder.

    Raises
    ------
    ConflictError
        When there is one and nothing was said about it.
    UnavailableError
        When something can't be moved; everything is where it was.
    """
    there = [cluster.data / name for name in _BELONGING if (cluster.data / name).exists()]
    if not there:
        return None
    if not replace:
        raise occupied(f"数据目录 {cluster.data} ")
    cluster.stop()
    aside = cluster.data / f"before-{datetime.now(UTC):{ASIDE}}"
    aside.mkdir(mode=0o700)
    try:
        for path in there:
            path.rename(aside / path.name)
    except OSError as error:
        _move_back(cluster, aside)
        raise UnavailableError(
            f"{path} 移不开({error.strerror}),没有恢复;若它是单独挂载的目录,请先移走里面的内容。",
            f"{path} can't be moved.",
        ) from error
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
        _move_back(cluster, aside)


def _move_back(cluster: LocalCluster, aside: Path) -> None:
    for path in aside.iterdir():
        path.rename(cluster.data / path.name)
    aside.rmdir()
