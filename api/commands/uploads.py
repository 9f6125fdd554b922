"""``gis-service upload``: a survey file as a proposal, and its commit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.console import CONSOLE
from api.loose_parts import packed
from api.start import opened_database, operator_scope, originals_of, read_settings
from gis_service.areas import only_area, read_area
from gis_service.errors import InputError
from gis_service.jobs import Progress as Told
from gis_service.surveys.commit import Wanted, check_acceptable, commit_upload
from gis_service.surveys.desk import Desk, Sent, Waiting
from gis_service.surveys.document import upload_document
from gis_service.surveys.files.reading import JOB
from gis_service.surveys.proposal_rows import list_rows
from layers.layer import Layer
from layers.record import Source
from layers.registry import LAYERS

SHOWN_REFUSALS = 50
"""Refusals, warnings and waiting rows listed one by one; all of them with ``--all-refusals``."""
_MOST_LISTED = 100_000


def upload(
    file: Annotated[list[Path], typer.Argument(help="普查文件;散开的 Shapefile 把 .shp、.shx、.dbf、.prj 一起写上")],
    layer: Annotated[str | None, typer.Option(help="图层名称,例如 building;不写则看文件")] = None,
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
    crs: Annotated[str | None, typer.Option(help="坐标系:EPSG:4549、EPSG:4490、gcj02、bd09…;不写则按文件")] = None,
    answer: Annotated[
        list[str] | None, typer.Option(help="回答上传时的问题:crs=GCJ-02、sheet=表名、column:列名=字段(可写几次)")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="GeoPackage 的图层或工作簿的表")] = None,
    mode: Annotated[str, typer.Option(help="upsert 更新、append 只追加、replace 替换 --grid 的网格")] = "upsert",
    grid: Annotated[str | None, typer.Option(help="要替换的网格,15 位代码")] = None,
    dissolve: Annotated[str | None, typer.Option(help="这一列的值相同的行合为一个要素(被图幅切开的数据)")] = None,
    where: Annotated[str | None, typer.Option(help="只要某列为某些值的行,例如 kind=park,grass")] = None,
    source: Annotated[Source, typer.Option(help="数据来源;行里没有写时用它")] = Source.SURVEYED,
    attribution: Annotated[str | None, typer.Option(help="须在地图上注明的来源")] = None,
    commit_: Annotated[bool, typer.Option("--commit", help="写入;不加则只看会改什么")] = False,
    accept: Annotated[str | None, typer.Option(help="valid:有行被拒收时仍写入其余各行")] = None,
    key: Annotated[str | None, typer.Option(help="幂等键:同一键的同一文件只写入一次")] = None,
    all_refusals: Annotated[bool, typer.Option(help="列出全部被拒收的行")] = False,
) -> None:
    """把一份普查文件与现有数据比较,说明会新增、变更、移位什么,拒收哪些行、为什么;加 --commit 才写入。"""
    if accept not in {None, "valid"}:
        raise InputError(f"--accept {accept!r} 不对:只能是 valid。", "--accept can only be valid.")
    answers = _answered(answer or [])
    asked = {"crs": crs, "sheet": sheet, "dissolve": dissolve, "where": where}
    answers = {**{name: value for name, value in asked.items() if value is not None}, **answers}
    with ExitStack() as held:
        opened, name = held.enter_context(_opened(file))
        chosen = layer_named(layer).name if layer else None
        sent = Sent(opened, name, chosen, mode, grid, key, source, attribution, answers, ask_columns=False)
        settings = read_settings()
        database = held.enter_context(opened_database(settings))
        desk = Desk(database, operator_scope(database), originals_of(settings))
        with database.read(desk.scope) as conn:
            area = read_area(conn, community) if community else only_area(conn)
        waiting, before = _proposed(desk, area.code, sent)
        document = _report(desk, waiting, all_refusals=all_refusals)
        if before:
            CONSOLE.print(f"幂等键 {key} 的这份文件已经入库,没有再写。")
            return
        wanted = Wanted("valid" if accept == "valid" else "all", key=key)
        try:
            if commit_:
                with _shown("入库", then="登记") as told:
                    done = commit_upload(desk, waiting.row["id"], wanted, told)
            else:
                CONSOLE.print("以上只是预览,没有写入;加 --commit 写入。")
                check_acceptable(document["counts"], wanted)
        finally:
            if desk.find(waiting.row["id"]).row["state"] != "committed":
                desk.discard(waiting.row["id"])
        if commit_:
            _say_written(waiting, area.name, done.changes, document["counts"])


def _proposed(desk: Desk, community: str, sent: Sent) -> tuple[Waiting, bool]:
    """Return the proposal of a file, and whether it was committed before under the same key."""
    identifier = desk.receive(community, sent)
    if desk.find(identifier).row["state"] == "committed":
        return desk.find(identifier), True
    with _shown("读取", then="核对位置、重叠和现有数据") as told:
        try:
            desk.work(identifier, JOB, told)
        except BaseException:
            desk.discard(identifier)
            raise
    waiting = desk.find(identifier)
    if waiting.row["state"] == "needs_answer":
        desk.discard(identifier)
        raise InputError(str(waiting.row["problem"]), "The file leaves a question open; see --answer.")
    return waiting, False


@contextmanager
def _opened(files: list[Path]) -> Iterator[tuple[BinaryIO, str]]:
    """Open the file, or the parts of one shapefile packed into one."""
    for file in files:
        if file.is_dir():
            raise InputError(f"{file} 是文件夹;请给出其中的一个文件。", f"{file} is a folder.")
        if not file.is_file():
            raise InputError(f"没有文件 {file};请检查路径。", f"There is no file {file}.")
        if file.stat().st_size == 0:
            raise InputError(f"文件 {file.name} 是空的;请重新导出再上传。", f"{file} is empty.")
    if len(files) > 1:
        with packed({file.name: file for file in files}) as found:
            yield found
    else:
        with files[0].open("rb") as opened:
            yield opened, files[0].name


def _answered(answers: list[str]) -> dict[str, str]:
    """Read answers written as ``name=value``."""
    found = {}
    for one in answers:
        name, sign, value = one.partition("=")
        if not sign or (name not in {"crs", "sheet"} and not name.startswith("column:")):
            raise InputError(
                f"--answer {one!r} 不对:应为 crs=坐标系、sheet=表名 或 column:列名=字段,例如 crs=GCJ-02。",
                "--answer takes crs=SYSTEM, sheet=NAME or column:HEADER=FIELD.",
            )
        found[name] = value
    return found


def layer_named(name: str) -> Layer:
    """Return a layer by its name or its title; InputError when there is none."""
    found = LAYERS.get(name) or next((layer for layer in LAYERS.values() if layer.title == name), None)
    if found is None:
        listed = "、".join(f"{layer.name}({layer.title})" for layer in LAYERS.values())
        raise InputError(f"没有图层 {name!r};有:{listed}。", f"There is no layer {name!r}.")
    return found


@contextmanager
def _shown(doing: str, then: str) -> Iterator[Told]:
    """Show a bar of rows that are done; what comes ``then`` is one piece."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as bars:
        task = bars.add_task(doing, total=None)
        yield lambda done, total: bars.update(
            task, completed=done, total=total, description=doing if total is None or done < total else then
        )


def _report(desk: Desk, waiting: Waiting, *, all_refusals: bool) -> dict[str, Any]:
    with desk.database.read(desk.scope) as conn:
        document = upload_document(conn, waiting.row["id"])
        listed = list_rows(conn, waiting.kept, waiting.layer, flagged=True, limit=_MOST_LISTED)
    for line in _said(document["report"], waiting):
        CONSOLE.print(line, soft_wrap=True)
    counts = document["counts"]
    table = Table("新增", "变更", "移位", "未变", "拒收", title=f"{waiting.layer.title}:将会怎样")
    table.add_row(*(f"{counts[step]:,}" for step in ("added", "changed", "moved", "unchanged", "refused")))
    CONSOLE.print(table)
    for step, word in (("removed", "删除"), ("unplaced", "待落图"), ("conflict", "冲突")):
        if counts[step]:
            CONSOLE.print(f"{word} {counts[step]:,} 行。")
    shown = listed if all_refusals else listed[:SHOWN_REFUSALS]
    for row in shown:
        word = {"refused": "拒收", "unplaced": "待落图", "conflict": "冲突"}.get(row["step"], "提醒")
        code = f" 编码 {row['code']}" if row["code"] else ""
        reasons = "".join(one["message"] for one in row["problems"])
        CONSOLE.print(f"{word} 第 {row['row']} 行{code}:{reasons}", soft_wrap=True)
    if len(shown) < len(listed):
        CONSOLE.print(f"……另有 {len(listed) - len(shown)} 行有问题或提醒,加 --all-refusals 全部列出。")
    return document


def _said(report: dict[str, Any], waiting: Waiting) -> Iterator[str]:
    yield (
        f"文件:{report['driver']}"
        + (f",图层 {report['sheet']}" if report["sheet"] else "")
        + (f",编码 {report['encoding']}" if report["encoding"] else "")
    )
    if report["encoding_evidence"]:
        yield report["encoding_evidence"]
    yield from (one["message"] for one in report["lost"])
    yield f"坐标系:{report['crs']}({report['crs_evidence']})"
    yield from report["notes"]
    columns = [f"{one['column']}→{one['title']}" for one in report["columns"]]
    yield f"对上的列:{'、'.join(columns) or '无'}"
    left = report["not_imported"]
    for words, names in (
        ("用作坐标的列", report["coordinates"]),
        ("没有对上、不导入的列", left["unknown"]),
        ("个人信息列,不导入", left["personal"]),
        ("与别的列重复、不导入的列", left["doubled"]),
    ):
        if names:
            yield f"{words}:{'、'.join(names)}"
    for one in report["suggested"]:
        yield f"列“{one['column']}”可能是“{one['title']}”;要导入请加 --answer column:{one['column']}={one['field']}"
    if report["codes_made"]:
        yield "文件没有编码列:编码由几何或地址生成,同一几何再次上传会对上同一要素。"
    if waiting.row["for_new"]:
        source = Source(waiting.row["source"]).label
        yield f"数据来源:文件没有写,新增的行记为“{source}”(可用 --source 指定)。"
    yield "下面的行号不算表头。"


def _say_written(waiting: Waiting, area: str, changes: Any, counts: dict[str, int]) -> None:
    title, identifier = waiting.layer.title, uuid.UUID(str(waiting.row["id"]))
    if not (changes.added or changes.changed or changes.moved or changes.removed):
        CONSOLE.print(f"图层“{title}”({area})没有变化;只记下了这次上传,编号 {identifier}。")
    else:
        removed = f"删除 {changes.removed} 行," if changes.removed else ""
        CONSOLE.print(
            f"已写入图层“{title}”({area}):新增 {changes.added} 行,变更 {changes.changed} 行,"
            f"移位 {changes.moved} 行,{removed}拒收 {counts['refused']} 行;上传编号 {identifier}。",
            soft_wrap=True,
        )
    if counts["unplaced"]:
        CONSOLE.print(f"还有 {counts['unplaced']} 行待落图:在网页 /uploads/{identifier} 上点出位置后再入库。")
