"""``gis-service erase``: a person's data out of database, files and logs, with a receipt."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Column, Table

from api.commands.written_file import check_folder
from api.console import CONSOLE
from api.start import (
    anchors_of,
    cluster_of,
    opened_database,
    originals_of,
    photo_files_of,
    read_settings,
    recipient_of_settings,
    store_of,
)
from gis_service.database import open_engine
from gis_service.erasure.erase import Found, new_receipt
from gis_service.erasure.note import Note
from gis_service.erasure.photos import erase_named, find_photos
from gis_service.erasure.receipt import Grounds, Receipt, erase, look, not_searched
from gis_service.erasure.values import Values, values_of
from gis_service.errors import InputError
from gis_service.local_cluster import LocalCluster
from gis_service.people.audit import Anchors
from gis_service.settings import Settings
from maps.account_page import said_at

MANY = 200
"""So many places are rarely one person's: the value is a common name, or that of a place."""
_SHORTEST_REASON = 2


def erase_(
    reason: Annotated[str, typer.Option(help="为什么删除,例如“本人要求”;写进回执和审计")],
    photo: Annotated[
        str | None, typer.Option(help="只删照片:照片的标识,或 社区代码.案件编码(该案件的全部照片);不读标准输入")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="真的删除;不写则只列出在哪里找到")] = False,
    unreadable: Annotated[bool, typer.Option("--unreadable", help="打不开、无法查找的上传文件也删去")] = False,
    many: Annotated[bool, typer.Option("--many", help=f"找到 {MANY} 处以上也删除;通常是名字太常见,先核对")] = False,
    receipt: Annotated[Path | None, typer.Option(help="回执另写成 JSON 文件")] = None,
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
) -> None:
    """删除一个人的信息:从标准输入读姓名、电话、证件号,一行一个(不写在命令行上,免得留在历史里);或删除照片。"""
    if photo is not None:
        _erase_photo(photo, reason, yes=yes, receipt=receipt, data=data)
        return
    if sys.stdin.isatty():
        CONSOLE.print("请输入要删除的姓名、电话或证件号,一行一个,以空行结束:")
    values = values_of(_lines())
    _check_asked(reason, receipt)
    settings = read_settings()
    note = _note(settings, data)
    with opened_database(settings, data), grounds_of(settings, data, cluster_of(settings, data)) as grounds:
        with CONSOLE.status("查找……"):
            found, left_out = look(grounds, values), not_searched(grounds, values)
        if not yes:
            _say_found(values, found, left_out)
            return
        if (rows := sum(one.rows for one in found)) > MANY and not many:
            _say_found(values, found, left_out)
            raise InputError(
                f"找到 {rows:,} 处,没有删除:多半是名字太常见,或是地名;请核对上表,确实要删再加 --many。",
                f"There are {rows} places; nothing was erased.",
            )
        with CONSOLE.status("删除……") as status:
            made = erase(
                grounds, values, reason, lambda step: status.update(f"{step}……"), note=note, unreadable=unreadable
            )
    _say(made)
    if receipt is not None:
        receipt.write_bytes(orjson.dumps(made.document(), option=orjson.OPT_INDENT_2))
    if made.left:
        raise typer.Exit(1)


def _erase_photo(name: str, reason: str, *, yes: bool, receipt: Path | None, data: Path | None) -> None:
    """Delete a photo, or those of a case, everywhere; without ``yes`` only say which."""
    _check_asked(reason, receipt)
    settings = read_settings()
    note = _note(settings, data)
    with opened_database(settings, data), grounds_of(settings, data, cluster_of(settings, data)) as grounds:
        named = find_photos(grounds.owner, name)
        CONSOLE.print("案件、照片、加入时间:")
        for one in named:
            # No table: it would break what somebody copies.
            CONSOLE.print(f"  {one.case}  {one.photo}  {said_at(one.added_at)}", soft_wrap=True)
        if not yes:
            CONSOLE.print(f"以上 {len(named):,} 张会被删除(同一张图在别的案件里的也在内);核对后加 --yes 再运行一次。")
            return
        number = new_receipt()
        found = erase_named(grounds.owner, photo_files_of(settings, data), named, number, reason, note)
    kept = "" if note else ";没有设 GIS_BACKUPS 和 GIS_BACKUP_KEY,别处的备份里还有的没有删"
    CONSOLE.print(f"回执 {number}:已删除 {found.rows:,} 张照片,理由:{reason}{kept}。", soft_wrap=True)
    if receipt is not None:
        made = {"number": number, "at": datetime.now(UTC), "reason": reason, "photos": found.shown}
        receipt.write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))


def _check_asked(reason: str, receipt: Path | None) -> None:
    if len(reason.strip()) < _SHORTEST_REASON:
        raise InputError("请用 --reason 写明为什么删除,例如 --reason 本人要求。", "Say why, with --reason.")
    if receipt is not None:
        check_folder(receipt)


def _lines() -> list[str]:
    """Return the lines of standard input; a list from a Windows machine is UTF-8 with a mark, or GB18030."""
    if sys.stdin.isatty():
        return list(itertools.takewhile(str.strip, sys.stdin))
    held = sys.stdin.buffer.read()
    try:
        return held.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return held.decode("gb18030", errors="replace").splitlines()


def _note(settings: Settings, data: Path | None) -> Note | None:
    if settings.backups is None:
        return None
    store = store_of(settings)
    store.claim((data or settings.data_dir).resolve())
    return Note(store, recipient_of_settings(settings))


@contextmanager
def grounds_of(
    settings: Settings, data: Path | None, cluster: LocalCluster | None, anchors: Anchors | None = None
) -> Iterator[Grounds]:
    """Open the database as its owner, and say where files and logs lie; InputError without the owner's address."""
    folder = (data or settings.data_dir).resolve()
    logs: Sequence[Path] = [*folder.glob("postgresql.log*"), *(folder / "logs").glob("*")]
    with ExitStack() as stack:
        if cluster is not None:
            owner, superuser = open_engine(cluster.url("gis_owner")), open_engine(cluster.url("postgres"))
            stack.callback(superuser.dispose)
        elif settings.database_owner_url is not None:
            owner, superuser = open_engine(settings.database_owner_url), None
        else:
            raise InputError("请设 GIS_DATABASE_OWNER_URL(角色 gis_owner 的地址)。", "Set GIS_DATABASE_OWNER_URL.")
        stack.callback(owner.dispose)
        files, beside = [originals_of(settings, data).folder, folder / "exports"], sorted(folder.glob("before-*"))
        yield Grounds(owner, superuser, files, logs, anchors or anchors_of(settings, data), beside)


def _say_found(values: Values, found: Sequence[Found], left_out: Sequence[str]) -> None:
    shown = "、".join(values.masked())
    if found:
        CONSOLE.print(_table(found))
        CONSOLE.print(f"{shown}:以上各处会被删除。名字可能有重名,请先核对;确认后加 --yes 再运行一次。", soft_wrap=True)
    else:
        CONSOLE.print(f"{shown}:数据库、上传的文件和日志里都没有。", soft_wrap=True)
    for one in left_out:
        CONSOLE.print(one, soft_wrap=True)


def _say(made: Receipt) -> None:
    said = f"回执 {made.number},{said_at(made.at)},{'、'.join(made.values)},理由:{made.reason}"
    CONSOLE.print(said, soft_wrap=True)
    CONSOLE.print(_table(made.found))
    for one in made.kept:
        CONSOLE.print(one, soft_wrap=True)
    if made.left:
        CONSOLE.print("再查时还有,请再运行一次;若仍有,请把下表交给管理员:")
        CONSOLE.print(_table(made.left))
    else:
        CONSOLE.print("再查一遍:数据库、上传的文件和日志里都没有了。")


def _table(found: Sequence[Found]) -> Table:
    table = Table("哪里", Column("几处", justify="right"), Column("哪些", overflow="fold"))
    for one in found:
        table.add_row(one.title, f"{one.rows:,}", "、".join(one.shown))
    return table
