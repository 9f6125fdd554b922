"""``gis-service audit``: check the record of what was written and read, and keep its end elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.console import CONSOLE
from api.start import OPERATOR, anchors_of, opened_database, read_settings
from gis_service.people.audit import Anchors, verify
from maps.account_page import said_at

app = typer.Typer(help="审计记录:检查、锚定。", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--anchors", help="锚定文件,默认 GIS_ANCHORS,不设则为数据目录下的 audit/anchors.jsonl")
]


@app.command("verify")
def verify_(anchors: File = None) -> None:
    """检查审计记录有没有被改过、删过、截断过;有就列出来,退出码 1。"""
    settings = read_settings()
    kept = Anchors(anchors) if anchors else anchors_of(settings)
    known = kept.read()
    with opened_database(settings) as database, database.read(OPERATOR) as conn:
        links, findings = verify(conn, known)
    for moment in kept.restarts():
        CONSOLE.print(f"曾从备份恢复({said_at(datetime.fromisoformat(moment))}):那以前锚定的、备份里没有的记录不在了。")
    if not findings:
        CONSOLE.print(f"审计记录完好:{links:,} 条,与 {len(known):,} 个锚定相符。")
        if not known:
            CONSOLE.print(f"还没有锚定({kept.path}):最后几条若被截断,现在看不出来;请运行 gis-service audit anchor。")
        return
    table = Table("范围", "第几条", "发现")
    for one in findings:
        table.add_row(one.area or "—", str(one.position), one.said)
    CONSOLE.print(table)
    CONSOLE.print(f"审计记录不完好:{len(findings)} 处。请保留现场,与备份比对。")
    raise typer.Exit(1)


@app.command("anchor")
def anchor(anchors: File = None) -> None:
    """把各条链的末端记到数据库以外的文件里;服务运行时每十分钟记一次。"""
    settings = read_settings()
    kept = Anchors(anchors) if anchors else anchors_of(settings)
    with opened_database(settings) as database, database.read(OPERATOR) as conn:
        added = kept.add(conn)
    CONSOLE.print(f"已锚定 {added} 条链,在 {kept.path}。", soft_wrap=True)
