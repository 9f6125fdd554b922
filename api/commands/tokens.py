"""``gis-service token``: tokens for QGIS, GDAL and scripts."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from api.console import CONSOLE
from api.start import OPERATOR, opened_database, read_settings
from gis_service.people.accounts import read_account
from gis_service.people.logins import LONGEST_TOKEN_DAYS, list_held, make_token, revoke
from maps.account_page import known_as, said_at

app = typer.Typer(help="访问令牌:给 QGIS、GDAL 和脚本用。", no_args_is_help=True)

_KINDS = {"session": "登录", "token": "令牌"}


@app.command("create")
def create(
    user: Annotated[str, typer.Option(help="账户名;令牌有它的角色和范围")],
    title: Annotated[str, typer.Option(help="用途,例如 办公室的 QGIS")] = "令牌",
    days: Annotated[int, typer.Option(min=1, max=LONGEST_TOKEN_DAYS, help="有效天数")] = 90,
    area: Annotated[list[str] | None, typer.Option(help="只用于这个范围(可写几次)")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="只能看")] = False,
) -> None:
    """生成一个令牌,印在最后,只显示这一次。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        read_account(conn, user)
        made = make_token(conn, user, title, days, areas=area or (), read_only=read_only)
    CONSOLE.print(f"账户 {user} 的令牌,{days} 天有效,只显示这一次: {made}", soft_wrap=True)


@app.command("list")
def list_() -> None:
    """列出还有效的登录和令牌。"""
    with opened_database(read_settings()) as database, database.read(OPERATOR) as conn:
        held = list_held(conn)
    if not held:
        CONSOLE.print("现在没有登录,也没有令牌。")
        return
    table = Table("编号", "账户", "种类", "用途", "只读", "最近使用", "到期")
    for account, one in held:
        times = (said_at(one.used_at), said_at(one.expires_at))
        only = "只读" if one.read_only else ""
        table.add_row(str(one.id)[:8], account, _KINDS[one.kind], known_as(one), only, *times)
    CONSOLE.print(table)


@app.command("revoke")
def revoke_(identifier: Annotated[str, typer.Argument(help="编号,至少前 8 位,见 token list")]) -> None:
    """撤销一个登录或令牌,随即失效。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        revoke(conn, identifier)
    CONSOLE.print("已撤销。")
