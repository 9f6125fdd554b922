"""``gis-service user``: accounts, also the first one; whoever can run commands here needs no account."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Column, Table

from api.console import CONSOLE
from api.start import OPERATOR, opened_database, read_settings
from gis_service.people.accounts import (
    Account,
    add_account,
    end_area,
    give_area,
    list_accounts,
    reassign,
    set_active,
    set_password,
    substitute,
)
from gis_service.people.passwords import SHORTEST, made
from gis_service.people.roles import ROLES, title_of
from maps.account_page import said_at

app = typer.Typer(help="账户:建立、列出、停用、口令、范围。", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="账户名:小写英文字母、数字、点、横线")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="从标准输入读口令(一行)")]
_ROLES = "、".join(f"{role.name} {role.title}" for role in ROLES.values())


@app.command("add")
def add(
    name: Name,
    role: Annotated[str, typer.Option(help=f"角色:{_ROLES}")],
    area: Annotated[list[str], typer.Option(help="范围:6、9、12 或 15 位区划代码(可写几次)")],
    title: Annotated[str, typer.Option(help="姓名或称呼")] = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """建立账户;在终端里问口令,否则生成一个,印在最后。"""
    password, chosen = _password(password_stdin)
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        add_account(conn, name, role, area, title)
        set_password(conn, name, password, "operator")
    CONSOLE.print(f"已建立账户 {name}({title_of(role)}),范围 {'、'.join(area)}。", soft_wrap=True)
    _say_password(password, chosen=chosen)


@app.command("list")
def list_() -> None:
    """列出账户:角色、范围、最近使用。"""
    with opened_database(read_settings()) as database, database.read(OPERATOR) as conn:
        accounts = list_accounts(conn)
    if not accounts:
        CONSOLE.print("还没有账户;用 gis-service user add 账户名 --role admin --area 区划代码 建立第一个。")
        return
    table = Table("账户", "姓名", "角色", Column("范围", overflow="fold", min_width=15), "状态", "最近使用")
    for one in accounts:
        table.add_row(one.name, one.title, title_of(one.role), _areas(one), _state(one), _used(one))
    CONSOLE.print(table)


@app.command("disable")
def disable(name: Name) -> None:
    """停用账户;它的登录和令牌随即失效。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        set_active(conn, name, active=False)
    CONSOLE.print(f"账户 {name} 已停用。")


@app.command("enable")
def enable(name: Name) -> None:
    """重新启用账户。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        set_active(conn, name, active=True)
    CONSOLE.print(f"账户 {name} 已启用。")


@app.command("password")
def password_(name: Name, password_stdin: PasswordStdin = False) -> None:
    """重设口令;原来的登录随即失效。"""
    password, chosen = _password(password_stdin)
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        set_password(conn, name, password, "operator")
    CONSOLE.print(f"账户 {name} 的口令已重设。")
    _say_password(password, chosen=chosen)


@app.command("area")
def area_(
    name: Name,
    area: Annotated[str, typer.Argument(help="区划代码")],
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="自哪天起;不写为今天")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="到哪天止(含);不写为长期")] = None,
    end: Annotated[bool, typer.Option("--end", help="收回这个范围")] = False,
) -> None:
    """给账户一个范围,或收回。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        if end:
            end_area(conn, name, area)
        else:
            give_area(conn, name, area, since and since.date(), until and until.date())
    CONSOLE.print(f"账户 {name} {'不再有' if end else '有了'}范围 {area}。")


@app.command("substitute")
def substitute_(
    name: Name,
    absent: Annotated[str, typer.Option("--for", help="顶替谁")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="到哪天止(含)")],
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="自哪天起;不写为今天")] = None,
) -> None:
    """请假时由别人顶替:那些天里有同样的范围,过后自动收回。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        areas = substitute(conn, name, absent, since and since.date(), until.date())
    CONSOLE.print(f"账户 {name} 顶替 {absent} 到 {until.date()}:{'、'.join(areas)}。")


@app.command("reassign")
def reassign_(
    giving: Annotated[str, typer.Argument(help="谁移交")], taking: Annotated[str, typer.Argument(help="交给谁")]
) -> None:
    """把一个账户的全部范围移交给另一个,从今天起。"""
    with opened_database(read_settings()) as database, database.write(OPERATOR) as conn:
        areas = reassign(conn, giving, taking)
    CONSOLE.print(f"{giving} 的范围已移交给 {taking}:{'、'.join(areas)}。")


def _password(from_input: bool) -> tuple[str, bool]:
    """Return a password, and whether somebody chose it."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n"), True
    if sys.stdin.isatty():
        typed: str = typer.prompt(f"口令(至少 {SHORTEST} 个字符)", hide_input=True, confirmation_prompt="再输一遍")
        return typed, True
    return made(), False


def _say_password(password: str, *, chosen: bool) -> None:
    if not chosen:
        CONSOLE.print(f"初始口令,只显示这一次: {password}", soft_wrap=True)


def _areas(one: Account) -> str:
    return "、".join(
        held.area + (f"(到 {held.until})" if held.until else "") for held in one.areas
    ) or "无"  # fmt: skip


def _state(one: Account) -> str:
    return "停用" if not one.active else "演示" if one.demo else "可用" if one.has_password else "可用(没有口令)"


def _used(one: Account) -> str:
    return said_at(one.used_at)
