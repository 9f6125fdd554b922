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
from api.start import anchors_of, cluster_of, photo_files_of, prepare_local, read_settings
from gis_service.backups.log_keeper import seal_spool
from gis_service.backups.make import Server
from gis_service.backups.photos import restore_photos
from gis_service.backups.restore import end_logins, restore_dump, restore_files
from gis_service.backups.restore_cluster import bring_back, restore_base, set_aside
from gis_service.backups.sealing import Key, read_key
from gis_service.backups.store import Backup, Store
from gis_service.database import open_engine
from gis_service.erasure.repeat import repeat
from gis_service.errors import InputError
from gis_service.features.question import SHANGHAI
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.people.audit import Anchors, verify
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
    """从备份恢复;之后所有登录和令牌失效,删除过的个人信息和照片再删一遍,逐表核对。"""
    begun = time.monotonic()
    settings, key = read_settings(), read_key(key_file)
    moment = None if at is None else _moment(at)
    cluster = cluster_of(settings, data)
    store, chosen = chosen_backup(folder, moment, base=cluster is not None and not dump)
    if moment is not None and (dump or cluster is None):
        raise InputError(
            "恢复到某一刻要用整个集群的复制,只能恢复到私有集群;请去掉 --dump,不设 GIS_DATABASE_URL。",
            "A point in time needs the private cluster.",
        )
    if moment is not None and chosen.manifest.base_at is None:
        raise InputError(
            f"备份 {chosen.name} 里只有导出,恢复不到某一刻;请不写 --at,或用另一份备份。",
            "This backup has no copy of the cluster.",
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
    aside = restore_dump(chosen, key, Server(settings.database_owner_url), replace=replace)
    CONSOLE.print("行数、内容、策略和触发器与备份时逐表相同。")
    if aside is not None:
        CONSOLE.print(f"原来的数据改名为 {aside};确认不要后请 drop schema,里面可能有删除过的个人信息。", soft_wrap=True)
    engine = open_engine(settings.database_owner_url)
    migrate(engine)
    engine.dispose()


def _into_cluster(
    cluster: LocalCluster, chosen: Backup, key: Key, store: Store, moment: datetime | None,
    *, dump: bool, replace: bool, told: Told,
) -> None:  # fmt: skip
    if replace:
        # What was fetched of the log and lies here still belongs to the backup.
        seal_spool(cluster.data / "wal", store, key.to_public(), joined=True)
    aside = set_aside(cluster, replace=replace)
    try:
        if dump or chosen.manifest.base_at is None:
            told("恢复导出的数据库")
            cluster.start()
            prepare_local(cluster, schema=False)
            server = Server(cluster.url("gis_owner"), cluster.cluster)
            restore_dump(chosen, key, server, replace=False)
            CONSOLE.print("行数、内容、策略和触发器与备份时逐表相同。")
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
    settings: Settings, cluster: LocalCluster | None, chosen: Backup, key: Key, store: Store, data: Path | None,
    told: Told,
) -> None:  # fmt: skip
    told("收回文件")
    folder = (data or settings.data_dir).resolve()
    restore_files(chosen, key, folder)
    files = photo_files_of(settings, data)
    photos = restore_photos(chosen, store, key, files)
    in_place = folder == settings.data_dir.resolve()
    # Anchors kept elsewhere are of the place that is in use; a trial has its own copy.
    anchors = anchors_of(settings, data) if in_place else Anchors(folder / "audit" / "anchors.jsonl")
    if in_place:
        store.claim(folder, anew=True)
    with grounds_of(settings, data, cluster, anchors) as grounds:
        with grounds.owner.begin() as conn:
            ended = end_logins(conn)
            gone = anchors.restart(conn)
        told("再次删除删除过的个人信息和照片")
        receipts, failed = repeat(grounds, files, store, key, told)
        with grounds.owner.begin() as conn:
            links, findings = verify(conn, anchors.read())
    CONSOLE.print(f"结束了 {ended} 个登录和令牌;再次删除了 {len(receipts)} 批个人信息和照片;审计记录 {links:,} 条。")
    if photos.count:
        CONSOLE.print(f"收回了 {photos.count:,} 张照片。")
    for one in gone:
        CONSOLE.print(f"备份之后的审计记录不在了:{one}。")
    wrong = [f"审计记录 {one.area or '—'} 第 {one.position} 条:{one.said}" for one in findings]
    wrong += photos.said
    wrong += [f"没有能再次删除:{one}" for one in failed]
    wrong += [f"再查时还有:{found.title} {found.rows} 处" for receipt in receipts for found in receipt.left]
    if wrong:
        for one in wrong:
            CONSOLE.print(one, soft_wrap=True)
        raise InputError("恢复以后还有不对的地方,见上;请不要让人使用,先查明。", "Something is wrong after the restore.")
