"""Checking a backup by restoring it: into a cluster that is thrown away afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gis_service.backups.make import Server, Told
from gis_service.backups.photos import PHOTOS, try_photos
from gis_service.backups.restore import compare, owned, restore_dump, restore_files
from gis_service.backups.restore_cluster import restore_base
from gis_service.backups.sealing import Key
from gis_service.backups.state import read_tables
from gis_service.backups.store import Backup, Store
from gis_service.database import prepare
from gis_service.errors import InputError
from gis_service.local_cluster import LocalCluster
from gis_service.people.audit import verify


@dataclass(frozen=True)
class Tried:
    """What one way of restoring gave.

    Attributes
    ----------
    title
        Which way.
    seconds
        How long it took, until the database answered and was compared.
    rows
        How many rows, or photos, came back.
    said
        What isn't as it was; nothing when all is well.
    remark
        What wasn't compared, and why.
    """

    title: str
    seconds: float
    rows: int
    said: list[str]
    remark: str = ""


def try_backup(backup: Backup, key: Key, store: Store, told: Told) -> list[Tried]:
    """Restore a backup in each way that it offers, and compare with what its manifest says.

    Raises
    ------
    InputError
        When a file isn't what was written, or can't be decrypted.
    """
    for name in backup.manifest.files:
        backup.file(name)
    with _scratch() as folder:
        tried = [_try_dump(backup, key, folder / "dump", told)]
        restore_files(backup, key, folder / "files")
        if backup.manifest.base_at is not None:
            tried.append(_try_base(backup, key, store, folder / "base", told))
    if PHOTOS in backup.manifest.files:
        tried.append(_try_photos(backup, key, store, told))
    return tried


def _try_photos(backup: Backup, key: Key, store: Store, told: Told) -> Tried:
    told("打开每张照片")
    begun = time.monotonic()
    opened = try_photos(backup, store, key)
    return Tried("照片", time.monotonic() - begun, opened.count, opened.said)


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gis-restore-"))
    # The database's own user must be able to pass through.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _try_dump(backup: Backup, key: Key, data: Path, told: Told) -> Tried:
    told("恢复导出的数据库")
    begun = time.monotonic()
    cluster = LocalCluster(data, fast=True)
    cluster.start()
    try:
        prepare(cluster.url("postgres", "postgres"), cluster.passwords)
        try:
            restore_dump(backup, key, Server(cluster.url("gis_owner"), cluster.cluster), replace=False)
        except InputError as error:
            return Tried("导出", time.monotonic() - begun, 0, [str(error)])
        rows, said = _compared(backup, cluster)
    finally:
        cluster.stop()
    return Tried("导出", time.monotonic() - begun, rows, said)


def _try_base(backup: Backup, key: Key, store: Store, data: Path, told: Told) -> Tried:
    """Restore the copy of the cluster to the position of the dump, whose rows are known, if the log goes so far."""
    begun = time.monotonic()
    cluster = LocalCluster(data, fast=True)
    position, remark = backup.manifest.position, ""
    try:
        try:
            restore_base(backup, key, store, cluster, told, position=position)
        except InputError:
            if not position:
                raise
            shutil.rmtree(cluster.cluster)
            restore_base(backup, key, store, cluster, told, with_log=False)
            position = ""
        rows, said = _compared(backup, cluster)
    finally:
        cluster.stop()
    if not position:
        # The copy is a little older than the dump: what was written between the two isn't in it.
        differing = [one for one in said if one.startswith("表 ")]
        if differing:
            remark = f"没有到导出那一刻的日志,{len(differing)} 张表未逐行比对"
            said = [one for one in said if one not in differing]
    return Tried("整个集群", time.monotonic() - begun, rows, said, remark)


def _compared(backup: Backup, cluster: LocalCluster) -> tuple[int, list[str]]:
    with owned(Server(cluster.url("postgres"), cluster.cluster)) as conn:
        said = compare(backup, conn)
        _, findings = verify(conn, [])
        said += [f"审计记录 {one.area or '—'} 第 {one.position} 条:{one.said}" for one in findings]
        return sum(state.rows for state in read_tables(conn).values()), said
