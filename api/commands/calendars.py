"""``gis-service calendar``: the days on which a community works, shown and loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.commands.maps import community_named
from api.console import CONSOLE
from api.days import FIRST_DAY, LAST_DAY
from api.start import opened_database, operator_scope, read_settings
from gis_service.cases.work_calendar import WorkCalendar
from gis_service.cases.work_days import read_calendar, replace_days
from gis_service.cases.work_days_file import read_days_file
from gis_service.errors import InputError

app = typer.Typer(help="工作日历:节假日和调休,工作时限按它计算。", no_args_is_help=True)

CommunityOption = Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")]
_WEEK = "一二三四五六日"


@app.command("show")
def show(
    year: Annotated[int, typer.Argument(help="年份,例如 2026")], community: CommunityOption = None
) -> None:  # fmt: skip
    """列出一年里放假和调休上班的日子,以及各自的依据;这一年的安排还不知道时会说。"""
    if not FIRST_DAY.year <= year < LAST_DAY.year:
        raise InputError(f"年份 {year} 太远;请写四位数的年份,例如 2026。", f"The year {year} is too far away.")
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        code = community_named(database, scope, community)
        with database.read(scope) as conn:
            calendar = read_calendar(conn, code)
    days = calendar.of_year(year)
    if days:
        table = Table("日期", "星期", "类型", "名称", "依据")
        for one in days:
            basis = f"{one.basis}(本社区)" if one.own else one.basis
            kind = "班" if one.working else "休"
            table.add_row(one.day.isoformat(), _WEEK[one.day.weekday()], kind, one.name, basis)
        CONSOLE.print(table)
    _warn(calendar, [year])


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="CSV,四列:日期、类型(休或班)、名称、依据")],
    community: CommunityOption = None,
) -> None:
    """装入国务院办公厅的节假日安排或本社区自己的;文件里出现的年份整年换掉,有一行不对就什么也不写。"""
    days = read_days_file(file)
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        code = community_named(database, scope, community)
        with database.write(scope) as conn:
            replaced = replace_days(conn, code, days)
            calendar = read_calendar(conn, code)
    years = sorted({one.day.year for one in days})
    rest = sum(not one.working for one in days)
    CONSOLE.print(
        f"已装入 {code} {'、'.join(map(str, years))} 年:休 {rest} 天,班 {len(days) - rest} 天;"
        f"新增或改动 {replaced.written} 天,去掉原有的 {replaced.removed} 天。",
        soft_wrap=True,
    )
    _warn(calendar, years)


def _warn(calendar: WorkCalendar, years: Iterable[int]) -> None:
    for year in years:
        if year not in calendar.known:
            CONSOLE.print(
                f"注意:{year} 年的节假日安排还不全,没有写到的日子只按周末推算;请把国务院办公厅通知里全年的休和班写成"
                " CSV,用 gis-service calendar load 装入。",
                soft_wrap=True, style="bold red",
            )  # fmt: skip
