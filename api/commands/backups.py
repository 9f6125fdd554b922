"""``gis-service backup-key``, ``backup`` and ``verify-backup``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.alarm import raise_alarm
from api.console import CONSOLE
from api.start import (
    backup_server_of,
    files_beside,
    opened_database,
    photo_files_of,
    read_settings,
    recipient_of_settings,
    store_of,
)
from gis_service.backups.check import try_backup
from gis_service.backups.make import make_backup
from gis_service.backups.photos import PhotoKeeper, expire_photos
from gis_service.backups.sealing import make_key, read_key
from gis_service.backups.store import Backup, Store, read_backup
from gis_service.errors import InputError, NotFoundError, ServiceError
from gis_service.features.question import SHANGHAI
from gis_service.local_cluster import ClusterError
from gis_service.settings import Settings
from maps.account_page import said_at

KeyFile = Annotated[Path, typer.Option("--key-file", help="私钥文件,gis-service backup-key 写出的那个")]


def backup_key(out: Annotated[Path, typer.Option(help="私钥写到哪里;请马上移到别的机器或U盘上")]) -> None:
    """生成一对备份用的密钥:私钥写进文件,公钥印在最后,设为 GIS_BACKUP_KEY。"""
    public = make_key(out)
    CONSOLE.print(f"私钥在 {out}。没有它,备份谁也打不开;请存两份,都不要留在这台机器上。", soft_wrap=True)
    CONSOLE.print("公钥(设为 GIS_BACKUP_KEY):")
    CONSOLE.print(public, soft_wrap=True)


def backup(
    dump_only: Annotated[bool, typer.Option("--dump-only", help="只导出数据库,不复制整个集群")] = False,
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="失败时不运行 GIS_ALARM,由调用的程序去说")] = False,
) -> None:
    """做一份加密的备份,放到 GIS_BACKUPS;过期的同时删去。"""
    settings = read_settings()
    try:
        _back_up(settings, data, base=not dump_only)
    except (ServiceError, ClusterError) as error:
        if not quiet:
            raise_alarm(settings.alarm, str(error))
        raise


def _back_up(settings: Settings, data: Path | None, *, base: bool) -> None:
    store, recipient = store_of(settings), recipient_of_settings(settings)
    store.claim((data or settings.data_dir).resolve())
    photos = PhotoKeeper(photo_files_of(settings, data), store, recipient)
    with opened_database(settings, data), CONSOLE.status("备份……") as status:
        made = make_backup(
            backup_server_of(settings, data), store, recipient, files_beside(settings, data),
            lambda step: status.update(f"{step}……"), base=base, photos=photos,
        )  # fmt: skip
    expired = store.expire()
    expire_photos(store)
    size = sum(path.stat().st_size for path in made.folder.iterdir()) / 1e6
    rows = sum(state.rows for state in made.manifest.tables.values())
    CONSOLE.print(f"已备份 {rows:,} 行,{size:,.1f} MB,在 {made.folder}。", soft_wrap=True)
    if expired:
        CONSOLE.print(f"删去了 {expired} 份超过 {store.days} 天的备份。")
    if photos.damaged:
        raise InputError(
            f"备份已做,但有 {len(photos.damaged)} 张照片的文件坏了({min(photos.damaged)}.jpg 等),没有封存;"
            "请检查磁盘,从更早的备份找回,或删去。",
            "Some photos are damaged; they aren't in the backup.",
        )


def verify_backup(
    key_file: KeyFile,
    folder: Annotated[Path | None, typer.Argument(help="哪一份备份的文件夹;不写则为最新的一份")] = None,
) -> None:
    """把一份备份真的恢复一遍(在临时的集群里),逐表核对行数、内容、策略和触发器,逐张打开照片;不对的退出码为 1。"""
    store, chosen = chosen_backup(folder)
    with CONSOLE.status("核对……") as status:
        tried = try_backup(chosen, read_key(key_file), store, lambda step: status.update(f"{step}……"))
    table = Table("恢复什么", "行", "秒", "结果")
    for one in tried:
        result = "\n".join(one.said) or (f"相符;{one.remark}" if one.remark else "逐表相符")
        table.add_row(one.title, f"{one.rows:,}", f"{one.seconds:.1f}", result)
    CONSOLE.print(f"备份 {chosen.name}({said_at(chosen.manifest.made_at)}):")
    CONSOLE.print(table)
    if any(one.said for one in tried):
        CONSOLE.print("这份备份不可靠;请马上另做一份,并查明原因。")
        raise typer.Exit(1)
    CONSOLE.print("这份备份可以恢复。")


def chosen_backup(folder: Path | None, at: datetime | None = None, *, base: bool = False) -> tuple[Store, Backup]:
    """Return the backup in a folder, or the newest; and the store that it lies in.

    Parameters
    ----------
    at
        A moment: the newest whose copy of the cluster was whole by then.
    base
        Whether one with a copy of the cluster is preferred.

    Raises
    ------
    NotFoundError
        When there is none yet.
    """
    if folder is not None:
        return Store(folder.resolve().parent), read_backup(folder.resolve())
    store = store_of(read_settings())
    found = store.backups()
    if not found:
        raise NotFoundError(f"{store.folder} 里还没有备份;请先运行 gis-service backup。", "There is no backup yet.")
    if at is not None:
        found = [one for one in found if one.manifest.base_at is not None and one.manifest.base_at <= at]
        if not found:
            raise NotFoundError(
                f"没有能恢复到 {at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S} 的备份:那时还没有整个集群的复制。",
                "No backup reaches back so far.",
            )
    with_base = [one for one in found if one.manifest.base_at is not None]
    return store, (with_base or found)[-1] if base else found[-1]
