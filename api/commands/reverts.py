"""``gis-service uploads`` and ``gis-service revert``: what was uploaded, and the way back."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer
from rich.table import Table

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.areas import read_area
from gis_service.features.question import SHANGHAI
from gis_service.surveys.revert import Revert, revert_upload
from gis_service.surveys.uploads import UploadRecord, list_uploads
from layers.registry import LAYERS

SHOWN_CONFLICTS = 50
"""Conflicts listed one by one; all of them with ``--all-conflicts``."""


def uploads(
    community: Annotated[str | None, typer.Option(help="12 位社区代码;不写则列出全部社区的")] = None,
    layer: Annotated[str | None, typer.Option(help="图层名称,例如 building")] = None,
) -> None:
    """列出已入库的上传,最近的在前:时间、图层、文件、改了多少行、谁传的、是否已撤回。"""
    with opened_database(read_settings()) as database, database.read(operator_scope(database)) as conn:
        if community:
            read_area(conn, community)
        found = list_uploads(conn, community, layer)
    if not found:
        CONSOLE.print("还没有入库的上传。")
        return
    for one in found:
        CONSOLE.print(_line(one), soft_wrap=True)
        CONSOLE.print(f"    编号 {one.id} · SHA-256 {one.sha256[:16]}… · {_read_as(one)}", soft_wrap=True)


def revert(
    identifier: Annotated[str, typer.Argument(metavar="编号", help="上传编号,用 gis-service uploads 查看")],
    preview: Annotated[bool, typer.Option(help="只看会改什么,不写入")] = False,
    all_conflicts: Annotated[bool, typer.Option(help="列出全部不能撤回的要素")] = False,
) -> None:
    """撤回一次上传:恢复上传前的值,之后的修改保留,冲突逐条列出;撤回本身也是一次上传,可以再撤回。"""
    by = str(uuid.uuid4())
    with opened_database(read_settings()) as database, database.write(operator_scope(database), by) as conn:
        done = revert_upload(conn, identifier, by=by)
        if preview:
            conn.rollback()
    _report(done, all_conflicts=all_conflicts)
    if preview:
        CONSOLE.print("以上只是预览,没有写入;去掉 --preview 撤回。")
    else:
        CONSOLE.print(f"已撤回;这次撤回的编号 {by},要恢复就再撤回它。", soft_wrap=True)


def _line(one: UploadRecord) -> str:
    when = one.committed_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    what = f"撤回 {one.reverts}" if one.reverts else one.file_name
    counts = (("新增", one.added), ("变更", one.changed), ("移位", one.moved), ("删除", one.removed),
              ("冲突" if one.reverts else "拒收", one.refused))  # fmt: skip
    said = "、".join(f"{word} {number:,}" for word, number in counts if number) or "没有变化"
    state = " · 已撤回" if one.reverted else ""
    return f"{when} {LAYERS[one.layer].title}({one.community}) {what}:{said} · {one.actor}{state}"


def _read_as(one: UploadRecord) -> str:
    return f"{one.crs}" + (f" · {one.encoding}" if one.encoding else "")


def _report(done: Revert, *, all_conflicts: bool) -> None:
    layer = LAYERS[done.upload.layer]
    table = Table(
        "删除", "恢复", "改回", "移回", "已是原样", "冲突,保持现状", title=f"{layer.title}:撤回 {done.upload.file_name}"
    )
    numbers = (done.removed, done.restored, done.changed, done.moved, done.same, len(done.conflicts))
    table.add_row(*(f"{number:,}" for number in numbers))
    CONSOLE.print(table)
    shown = done.conflicts if all_conflicts else done.conflicts[:SHOWN_CONFLICTS]
    for conflict in shown:
        fields = f"({'、'.join(conflict.fields)})" if conflict.fields else ""
        CONSOLE.print(f"冲突 编码 {conflict.code}{fields}:{conflict.reason}", soft_wrap=True)
    if len(shown) < len(done.conflicts):
        CONSOLE.print(f"……另有 {len(done.conflicts) - len(shown)} 处冲突,加 --all-conflicts 全部列出。")
