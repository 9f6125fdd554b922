"""``gis-service sample`` and ``reconcile``: the synthetic community, and layers against reported totals."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.analysis.reconcile import quoted
from gis_service.analysis.reconcile import reconcile as compare
from gis_service.areas import only_area, read_area
from gis_service.sample.load import COMMUNITY, NAME, load_sample, remove_sample

app = typer.Typer(help="合成的示例社区:装入、移除。", no_args_is_help=True)


@app.command("load")
def load() -> None:
    """装入合成的新群社区;每一行的数据来源都是“示意”。"""
    with opened_database(read_settings()) as database, database.write(operator_scope(database, COMMUNITY)) as conn:
        counts = load_sample(conn)
    CONSOLE.print(f"已装入示例 {COMMUNITY} {NAME}:{sum(counts.values()):,} 行,{len(counts)} 个图层。")


@app.command("remove")
def remove() -> None:
    """移除示例:恰好删去数据来源为“示意”的行,历史仍在。"""
    with opened_database(read_settings()) as database, database.write(operator_scope(database, COMMUNITY)) as conn:
        removed = remove_sample(conn)
    CONSOLE.print(f"已移除 {removed:,} 行合成数据。")


def reconcile(
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
) -> None:
    """把图层里数出来的与上报的总数逐项核对:OK 或 WARN,不强求相等。"""
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        with database.read(scope) as conn:
            area = read_area(conn, community) if community else only_area(conn)
            rows = compare(conn, scope, area.code)
    if not rows:
        CONSOLE.print(f"{area.name}没有上报总数可核对。")
        return
    table = Table("指标", "上报", "图层", "差", "单位", "结果", title=f"{area.name}:上报总数与图层核对")
    for row in rows:
        difference = "" if row.difference is None else f"{row.difference:+,g}"
        measured = "无法计算" if row.measured is None else f"{row.measured:,g}"
        table.add_row(row.title, quoted(row.reported, row.qualifier), measured, difference, row.unit, row.result)
    CONSOLE.print(table)
    for row in rows:
        if row.note:
            CONSOLE.print(f"{row.title}:{row.note}")
