"""``gis-service area``: register communities, list them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.areas import check_code, create_area, list_areas
from gis_service.surveys.boundary import read_boundary

app = typer.Typer(help="社区:登记、列出。", no_args_is_help=True)


@app.command("create")
def create(
    code: Annotated[str, typer.Option(help="12 位社区代码(统计用区划代码)")],
    name: Annotated[str, typer.Option(help="社区名称")],
    boundary: Annotated[Path, typer.Option(help="边界文件:GeoJSON、GeoPackage 或 Shapefile 的 zip,内容是面")],
    crs: Annotated[str | None, typer.Option(help="边界文件的坐标系,例如 EPSG:4549;不写则按文件自己说的")] = None,
) -> None:
    """登记一个社区和它的边界;量测坐标系由边界的中心决定。"""
    # Said here, before the code becomes a scope, which may be shorter or longer.
    check_code(code)
    area_geometry = read_boundary(boundary, crs)
    with opened_database(read_settings()) as database, database.write(operator_scope(database, code)) as conn:
        area = create_area(conn, code, name, area_geometry)
    CONSOLE.print(f"已登记 {area.code} {area.name},量测坐标系 EPSG:{area.metric_srid}。")


@app.command("list")
def list_() -> None:
    """列出已登记的社区。"""
    with opened_database(read_settings()) as database, database.read(operator_scope(database)) as conn:
        areas = list_areas(conn)
    if not areas:
        CONSOLE.print("还没有社区;用 gis-service area create 登记,或 gis-service sample load 装入示例。")
        return
    table = Table("社区代码", "名称", "量测坐标系")
    for area in areas:
        table.add_row(area.code, area.name, f"EPSG:{area.metric_srid}")
    CONSOLE.print(table)
