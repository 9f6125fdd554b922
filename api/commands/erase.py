"""``gis-service erase``: a person's data out of database, files and logs, with a receipt."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Column, Table

from api.console import CONSOLE
from api.start import (
    cluster_of,
    opened_database,
    originals_of,
    read_settings,
    recipient_of_settings,
    store_of,
)
from gis_service.database import open_engine
from gis_service.erasure.erase import Found
from gis_service.erasure.receipt import Grounds, Note, Receipt, erase, look
from gis_service.erasure.values import Values, values_of
from gis_service.errors import InputError
from gis_service.local_cluster import LocalCluster
from gis_service.settings import Settings
from maps.account_page import said_at


def erase_(
    reason: Annotated[str, typer.Option(help="为什么删除,例如“本人要求”;写进回执和审计")],
    yes: Annotated[bool, typer.Option("--yes", help="真的删除;不写则只列出在哪里找到")] = False,
    receipt: Annotated[Path | None, typer.Option(help="回执另写成 JSON 文件")] = None,
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
) -> None:
    """删除一个人的信息:从标准输入读姓名、电话、证件号,一行一个(不写在命令行上,免得留在历史里)。"""
    if sys.stdin.isatty():
        CONSOLE.print("请输入要删除的姓名、电话或证件号,一行一个,以空行结束:")
    values = values_of(_lines())
    settings = read_settings()
    note = _note(settings)
    with opened_database(settings, data), grounds_of(settings, data, cluster_of(settings, data)) as grounds:
        with CONSOLE.status("查找……"):
            found = look(grounds, values)
        if not yes or not found:
            _say_found(values, found)
            return
        with CONSOLE.status("删除……") as status:
            made = erase(grounds, values, reason, lambda step: status.update(f"{step}……"), note=note)
    _say(made)
    if receipt is not None:
        receipt.write_bytes(orjson.dumps(made.document(), option=orjson.OPT_INDENT_2))
    if made.left:
        raise typer.Exit(1)


def _lines() -> list[str]:
    lines = []
    for line in sys.stdin:
        if not line.strip() and sys.stdin.isatty():
            break
        lines.append(line.strip("\r\n"))
    return lines


def _note(settings: Settings) -> Note | None:
    if settings.backups is None:
        return None
    return Note(store_of(settings), recipient_of_settings(settings))


@contextmanager
def grounds_of(settings: Settings, data: Path | None, cluster: LocalCluster | None) -> Iterator[Grounds]:
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
        yield Grounds(owner, superuser, originals_of(settings, data).folder, logs)


def _say_found(values: Values, found: Sequence[Found]) -> None:
    shown = "、".join(values.masked())
    if not found:
        CONSOLE.print(f"{shown}:哪里都没有。")
        return
    CONSOLE.print(_table(found))
    CONSOLE.print(f"{shown}:以上各处会被删除。名字可能有重名,请先核对;确认后加 --yes 再运行一次。")


def _say(made: Receipt) -> None:
    CONSOLE.print(f"回执 {made.number},{said_at(made.at)},{'、'.join(made.values)},理由:{made.reason}", soft_wrap=True)
    CONSOLE.print(_table(made.found))
    for one in made.kept:
        CONSOLE.print(one, soft_wrap=True)
    if made.left:
        CONSOLE.print("再查时还有,请再运行一次;若仍有,请把下表交给管理员:")
        CONSOLE.print(_table(made.left))
    else:
        CONSOLE.print("再查一遍:哪里都没有了。")


def _table(found: Sequence[Found]) -> Table:
    table = Table("哪里", Column("几处", justify="right"), Column("哪些", overflow="fold"))
    for one in found:
        table.add_row(one.title, f"{one.rows:,}", "、".join(one.shown))
    return table
