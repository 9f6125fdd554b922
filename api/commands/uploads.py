"""``gis-service upload``: a survey file as a proposal, and its commit."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.areas import only_area, read_area
from gis_service.errors import InputError
from gis_service.surveys.proposal import Proposal, Reading, check_acceptable, commit, committed_before, discard
from gis_service.surveys.propose import propose
from layers.layer import Layer
from layers.record import Source
from layers.registry import LAYERS

SHOWN_REFUSALS = 50
"""Refusals listed one by one; all of them with ``--all-refusals``."""


def upload(
    file: Annotated[Path, typer.Argument(help="GeoJSON、GeoPackage、Shapefile 的 zip、CSV 或 XLSX")],
    layer: Annotated[str, typer.Option(help="图层名称,例如 building")],
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
    crs: Annotated[str | None, typer.Option(help="坐标系:EPSG:4549、EPSG:4490、gcj02、bd09…;不写则按文件")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="回答上传时的问题,例如 crs=GCJ-02(同 --crs)")] = None,
    sheet: Annotated[str | None, typer.Option(help="GeoPackage 的图层或工作簿的表")] = None,
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
    chosen = _layer(layer)
    if file.is_dir():
        raise InputError(f"{file} 是文件夹;请给出其中的一个文件。", f"{file} is a folder.")
    if not file.is_file():
        raise InputError(f"没有文件 {file};请检查路径。", f"There is no file {file}.")
    reading = Reading(
        crs=_answered(answer or []).get("crs", crs),
        sheet=sheet, dissolve=dissolve, source=source, attribution=attribution, where=_where(where)
    )  # fmt: skip
    identifier = str(uuid.uuid4())
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        with database.read(scope) as conn:
            area = read_area(conn, community) if community else only_area(conn)
        with database.write(scope, identifier) as conn:
            with _progress() as progress:
                task = progress.add_task("读取", total=None)
                proposal = propose(
                    conn, chosen, area.code, file, reading,
                    lambda done, total: progress.update(task, completed=done, total=total),
                )  # fmt: skip
            before = committed_before(conn, proposal, key) if key else None
            _report(proposal, all_refusals=all_refusals)
            if before is not None or not commit_:
                discard(conn)
                kept = f"幂等键 {key} 的这份文件已经入库,没有再写。"
                CONSOLE.print(kept if before is not None else "以上只是预览,没有写入;加 --commit 写入。")
                if before is None:
                    check_acceptable(proposal, accept_valid=accept == "valid")
                return
            commit(conn, proposal, upload=identifier, key=key or identifier, accept_valid=accept == "valid")
    changes = proposal.changes
    if not (changes.added or changes.changed or changes.moved):
        CONSOLE.print(f"图层“{chosen.title}”({area.name})没有变化;只记下了这次上传,编号 {identifier}。")
        return
    CONSOLE.print(
        f"已写入图层“{chosen.title}”({area.name}):新增 {changes.added} 行,变更 {changes.changed} 行,"
        f"移位 {changes.moved} 行,拒收 {len(proposal.refusals)} 行;上传编号 {identifier}。",
        soft_wrap=True,
    )


def _answered(answers: list[str]) -> dict[str, str]:
    """Read answers written as ``name=value``; only the coordinate system is ever asked about."""
    found = {}
    for one in answers:
        name, sign, value = one.partition("=")
        if name != "crs" or not (sign and value):
            raise InputError(f"--answer {one!r} 不对:应为 crs=坐标系,例如 crs=GCJ-02。", "--answer takes crs=SYSTEM.")
        found[name] = value
    return found


def _where(text: str | None) -> tuple[str, frozenset[str]] | None:
    if text is None:
        return None
    column, sign, values = text.partition("=")
    if not (column and sign and values):
        raise InputError(f"--where {text!r} 不对:应为 列=值,值。", "--where takes COLUMN=VALUE,VALUE.")
    return column, frozenset(values.split(","))


def _layer(name: str) -> Layer:
    by_title = {layer.title: layer for layer in LAYERS.values()}
    if name in by_title:
        return by_title[name]
    if name not in LAYERS:
        listed = "、".join(f"{layer.name}({layer.title})" for layer in LAYERS.values())
        raise InputError(f"没有图层 {name!r};有:{listed}。", f"There is no layer {name!r}.")
    return LAYERS[name]


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=CONSOLE, transient=True)


def _report(proposal: Proposal, *, all_refusals: bool) -> None:
    sheet, matching = proposal.sheet, proposal.matching
    said = [
        f"文件:{sheet.driver}"
        + (f",图层 {sheet.layer}" if sheet.layer else "")
        + (f",编码 {sheet.encoding}" if sheet.encoding else ""),
        f"坐标系:{sheet.crs}({sheet.crs_evidence})",
        *sheet.notes,
        *proposal.notes,
    ]
    columns = [f"{sheet.columns[position]}→{field.title}" for position, field in sorted(matching.fields.items())]
    said.append(f"对上的列:{'、'.join(columns) or '无'}")
    unknown = [name for name in matching.unknown if name not in sheet.coordinates]
    for words, names in (
        ("用作坐标的列", sheet.coordinates),
        ("没有对上、不导入的列", unknown),
        ("个人信息列,不导入", matching.personal),
        ("与别的列重复、不导入的列", matching.doubled),
    ):
        if names:
            said.append(f"{words}:{'、'.join(names)}")
    if proposal.codes_made:
        said.append("文件没有编码列:编码由几何生成,同一几何再次上传会对上同一要素。")
    if proposal.source_assumed:
        said.append(f"数据来源:文件没有写,新增的行记为“{proposal.source.label}”(可用 --source 指定)。")
    said.append("下面的行号不算表头。")
    for line in said:
        CONSOLE.print(escape(line), soft_wrap=True)
    changes = proposal.changes
    table = Table("新增", "变更", "移位", "未变", "拒收", title=f"{proposal.layer.title}:将会怎样")
    table.add_row(
        *(f"{n:,}" for n in (changes.added, changes.changed, changes.moved, changes.unchanged, len(proposal.refusals)))
    )
    CONSOLE.print(table)
    shown = proposal.refusals if all_refusals else proposal.refusals[:SHOWN_REFUSALS]
    for refusal in shown:
        code = f" 编码 {refusal.code}" if refusal.code else ""
        CONSOLE.print(escape(f"拒收 第 {refusal.row} 行{code}:{refusal.reason}"), soft_wrap=True)
    if len(shown) < len(proposal.refusals):
        CONSOLE.print(f"……另有 {len(proposal.refusals) - len(shown)} 行被拒收,加 --all-refusals 全部列出。")
