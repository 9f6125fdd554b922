"""``gis-service export``: a sheet of a map as a file, at once."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Annotated

import typer

from api.commands.maps import community_named
from api.commands.written_file import check_folder
from api.console import CONSOLE
from api.days import day_of, past_day
from api.sheet_ground import read_ground
from api.start import opened_database, operator_scope, read_settings
from gis_service.errors import InputError
from gis_service.sheets.records import SheetOrder, add_order, code_of, finish_record
from maps.atlas import MAPS
from maps.sheets.paper import FORMATS, Orientation, Paper


def export(
    name: Annotated[str, typer.Argument(help=f"地图名称:{'、'.join(MAPS)}")],
    out: Annotated[Path, typer.Option(help="写到哪个文件,例如 隐患.pdf")],
    format_: Annotated[str | None, typer.Option("--format", help="pdf、png、svg、xlsx 或 pptx;不写看文件名")] = None,
    paper: Annotated[Paper, typer.Option(help="纸张")] = Paper.A3,
    orientation: Annotated[Orientation, typer.Option(help="横或竖")] = Orientation.LANDSCAPE,
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
    grid: Annotated[str | None, typer.Option(help="只出一个网格:15 位网格代码;all 为图册,一个网格一张")] = None,
    scale: Annotated[int | None, typer.Option(help="比例尺分母,例如 10000;不写为放得下的最大一档")] = None,
    on: Annotated[str | None, typer.Option(help="计算日,例如 2026-11-30;不写为今天")] = None,
    as_of: Annotated[str | None, typer.Option(help="按过去哪一天结束时的记录,例如 2026-11-23;不写为现在")] = None,
    author: Annotated[str | None, typer.Option(help="制图单位,默认 GIS_AUTHOR;图上有合成数据时不印")] = None,
    template: Annotated[Path | None, typer.Option(help="幻灯片的模板(本单位的 PPTX),默认 GIS_SLIDE_TEMPLATE")] = None,
    review: Annotated[str, typer.Option(help="审图号(对外的图)")] = "",
) -> None:
    """把一张地图出成打印的图(真实的比例尺,图例、数字、依据和来源都在上面),或把它的数字出成工作簿。"""
    # Half a second, which no other command should take.
    from api.sheet_making import made_of, proof_of, write_order  # noqa: PLC0415

    kind = format_ or out.suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise InputError(f"不认识文件类型 {kind!r};请用 {'、'.join(FORMATS)}。", "The format isn't known.")
    check_folder(out)
    if out.suffix.lower() != f".{kind}":
        raise InputError(
            f"文件名 {out.name} 与类型 {kind} 不符;请把 --out 写成 {out.stem}.{kind}。", "The suffix differs."
        )
    if out.is_dir():
        raise InputError(f"{out} 是文件夹;请写文件名。", f"{out} is a folder.")
    settings = read_settings()
    with opened_database(settings) as database, CONSOLE.status("出图……"):
        scope = operator_scope(database)
        order = SheetOrder(
            name, kind, str(paper), str(orientation), day_of(on or as_of), scale, grid, author or settings.author or "",
            review, past_day(as_of),
        )  # fmt: skip
        code = community_named(database, scope, community)
        ground = read_ground(database, scope, code, order)
        identifier = uuid.uuid4()
        proof = proof_of(code_of(identifier), ground, settings.public_url)
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".export-") as folder:
            place = Path(folder)
            written = write_order(
                ground, order, lambda ending: place / f"sheet{ending}", lambda _done, _total: None, proof,
                template or settings.slide_template,
            )  # fmt: skip
            with database.write(scope) as conn:
                finish_record(conn, add_order(conn, scope, code, order, identifier), made_of(written, ground))
                # Last of all: without the file there is no record, and the other way round.
                written.path.replace(out)
    scale_said = f",1:{written.scale:,}" if written.scale else ""
    CONSOLE.print(f"{written.title}{scale_said},编号 {proof.code},写到 {out}。", soft_wrap=True)
