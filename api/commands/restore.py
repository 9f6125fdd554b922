"""``gis-service restore``: bring a backup back, and everything that must be put right afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.commands.backups import KeyFile, chosen_backup
from api.commands.erase import grounds_of
from api.console import CONSOLE
from api.start import anchors_of, cluster_of, prepare_local, read_settings
from gis_service.backups.make import Server
from gis_service.backups.restore import (
    bring_back,
    compare,
    end_logins,
    owned,
    restore_base,
    restore_dump,
    restore_files,
    set_aside,
)
from gis_service.backups.sealing import Key, read_key
from gis_service.backups.store import Backup, Store
from gis_service.database import open_engine
from gis_service.erasure.receipt import repeat
from gis_service.errors import InputError
from gis_service.features.question import SHANGHAI
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.people.audit import verify
from gis_service.settings import Settings

Told = Callable[[str], None]


def restore(
    key_file: KeyFile,
    folder: Annotated[Path | None, typer.Argument(help="哪一份备份的文件夹;不写则为最新的一份")] = None,
    at: Annotated[
        str | None, typer.Option(help="恢复到哪一刻(北京时间),例如 '2026-11-30 10:15:00';不写则到最后")
    ] = None,
    dump: Annotated[
        bool, typer.Option("--dump", help="用导出的数据库,不用整个集群的复制;用别处的数据库时总是这样")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="恢复到哪个数据目录,默认 .data(GIS_DATA_DIR)")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="那里已经有数据也恢复;原来的改名留着")] = False,
) -> None:
    """从备份恢复;之后所有登录和令牌失效,删除过的个人信息再删一遍,逐表核对。"""
    begun = time.monotonic()
    settings, key = read_settings(), read_key(key_file)
    store, chosen = chosen_backup(folder)
    moment = None if at is None else _moment(at)
    cluster = cluster_of(settings, data)
    if moment is not None and (dump or cluster is None):
        raise InputError(
            "恢复到某一刻要用整个集群的复制,只能恢复到私有集群;请去掉 --dump,不设 GIS_DATABASE_URL。",
            "A point in time needs the private cluster.",
        )
    with CONSOLE.status("恢复……") as status:

        def told(step: str) -> None:
            status.update(f"{step}……")

        if cluster is None:
            _into_server(settings, chosen, key, replace=replace, told=told)
            _put_right(settings, None, chosen, key, store, data, told)
        else:
            with cluster.lock(), cluster.shared():
                _into_cluster(cluster, chosen, key, store, moment, dump=dump, replace=replace, told=told)
                _put_right(settings, cluster, chosen, key, store, data, told)
    CONSOLE.print(f"已从备份 {chosen.name} 恢复,用了 {time.monotonic() - begun:.0f} 秒。")
    CONSOLE.print("所有登录和令牌都已失效;备份之后停用的账户、改过的口令又是原来的,请用 gis-service user list 核对。")


def _moment(written: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(
            f"时刻 {written[:40]!r} 不对;请写成 2026-11-30 10:15:00(北京时间)。", "The moment is no ISO time."
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=SHANGHAI)


def _into_server(settings: Settings, chosen: Backup, key: Key, *, replace: bool, told: Told) -> None:
    if settings.database_owner_url is None:
        raise InputError("请设 GIS_DATABASE_OWNER_URL(角色 gis_owner 的地址)。", "Set GIS_DATABASE_OWNER_URL.")
    told("恢复导出的数据库")
    server = Server(settings.database_owner_url)
    restore_dump(chosen, key, server, replace=replace)
    with owned(server) as conn:
        _say_comparison(compare(chosen, conn))
    engine = open_engine(settings.database_owner_url)
    migrate(engine)
    engine.dispose()


def _into_cluster(
    cluster: LocalCluster, chosen: Backup, key: Key, store: Store, moment: datetime | None,
    *, dump: bool, replace: bool, told: Told,
) -> None:  # fmt: skip
    aside = set_aside(cluster, replace=replace)
    try:
        if dump or chosen.manifest.base_at is None:
            told("恢复导出的数据库")
            cluster.start()
            prepare_local(cluster, schema=False)
            server = Server(cluster.url("gis_owner"), cluster.cluster)
            restore_dump(chosen, key, server, replace=False)
            with owned(server) as conn:
                _say_comparison(compare(chosen, conn))
        else:
            restore_base(chosen, key, store, cluster, told, at=moment)
        prepare_local(cluster)
    except BaseException:
        bring_back(cluster, aside)
        raise
    (cluster.data / "sample_decided").touch()
    if aside is not None:
        CONSOLE.print(f"原来的数据在 {aside};确认不要后请删去,里面可能有删除过的个人信息。", soft_wrap=True)


def _put_right(
    settings: Settings, cluster: LocalCluster | None, chosen: Backup, key: Key, store: Store,
    data: Path | None, told: Told,
) -> None:  # fmt: skip
    told("收回文件")
    restore_files(chosen, key, (data or settings.data_dir).resolve())
    with grounds_of(settings, data, cluster) as grounds:
        with grounds.owner.begin() as conn:
            ended = end_logins(conn)
            gone = anchors_of(settings, data).restart(conn)
        told("再次删除删除过的个人信息")
        receipts = repeat(grounds, store, key, told)
        with grounds.owner.begin() as conn:
            links, findings = verify(conn, anchors_of(settings, data).read())
    CONSOLE.print(f"结束了 {ended} 个登录和令牌;再次删除了 {len(receipts)} 批个人信息;审计记录 {links:,} 条。")
    for one in gone:
        CONSOLE.print(f"备份之后的审计记录不在了:{one}。")
    for finding in findings:
        CONSOLE.print(f"审计记录 {finding.area or '—'} 第 {finding.position} 条:{finding.said}")
    left = [found for receipt in receipts for found in receipt.left]
    if findings or left:
        CONSOLE.print("恢复以后还有不对的地方,见上;请不要让人使用,先查明。")
        raise typer.Exit(1)


def _say_comparison(said: list[str]) -> None:
    if said:
        for one in said:
            CONSOLE.print(one)
        raise InputError("恢复出来的与备份时不同,见上;请用另一份备份。", "The restored copy differs from the backup.")
    CONSOLE.print("行数、内容、策略和触发器与备份时逐表相同。")
