"""Accounts: who there is, in which role, for which areas; several people may share a grid, and stand in for others."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from gis_service.account_tables import ACCOUNT, ACCOUNT_AREA, AREA_PATTERN, CREDENTIAL, NAME_PATTERN
from gis_service.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from gis_service.features.question import today
from gis_service.people.passwords import hashed
from gis_service.people.roles import ROLES


@dataclass(frozen=True)
class HeldArea:
    """An area that an account has: from which day, until which (None: for good), and for whom it stands in ("")."""

    area: str
    since: date
    until: date | None
    substitutes: str


@dataclass(frozen=True)
class Account:
    """An account.

    Attributes
    ----------
    areas
        Those of today and of later; those that ended are left out.
    has_password
        It can log in on the page, not only by token.
    own_password
        Its password was chosen by itself.
    used_at
        When one of its logins or tokens was last used.
    """

    name: str
    title: str
    role: str
    active: bool
    demo: bool
    created_at: datetime
    created_by: str
    has_password: bool
    own_password: bool
    used_at: datetime | None
    areas: tuple[HeldArea, ...]


_TODAY = text("(now() at time zone 'Asia/Shanghai')::date")


def add_account(
    conn: Connection, name: str, role: str, areas: Sequence[str], title: str = "", *, demo: bool = False
) -> None:
    """Make an account without a password.

    Raises
    ------
    InputError
        When the name, the role or an area can't be used.
    ConflictError
        When there is an account of this name.
    ForbiddenError
        When an area lies outside of what whoever asks administers.
    """
    check_name(name)
    check_role(role)
    if not areas:
        raise InputError("请指明范围:区划代码 6、9、12 或 15 位。", "Name at least one area.")
    for area in areas:
        check_area(area)
    if len(title.strip()) > 60:
        raise InputError("姓名最多 60 个字。", "The title has at most 60 characters.")
    with _explained(f"账户 {name} 已经有了。", f"There is an account {name!r} already."):
        conn.execute(insert(ACCOUNT).values(name=name, title=title.strip() or name, role=role, demo=demo))
        # Everything is said, so that nothing is read back: the policies know nothing of the new rows yet.
        conn.execute(
            insert(ACCOUNT_AREA),
            [{"account": name, "area": area, "since": today(), "substitutes": ""} for area in dict.fromkeys(areas)],
        )


def list_accounts(conn: Connection, *names: str) -> list[Account]:
    """Return the accounts that whoever asks administers, and their own; by name."""
    rows = conn.execute(_accounts(names)).mappings().all()
    held: dict[str, list[HeldArea]] = {}
    lasting = (ACCOUNT_AREA.c.until.is_(None)) | (
        (ACCOUNT_AREA.c.until >= _TODAY) & (ACCOUNT_AREA.c.until >= ACCOUNT_AREA.c.since)
    )
    areas = select(ACCOUNT_AREA).where(lasting)
    for row in conn.execute(areas.order_by(ACCOUNT_AREA.c.area, ACCOUNT_AREA.c.since)):
        held.setdefault(row.account, []).append(HeldArea(row.area, row.since, row.until, row.substitutes))
    return [Account(**row, areas=tuple(held.get(row["name"], ()))) for row in rows]


def read_account(conn: Connection, name: str) -> Account:
    """Return an account; NotFoundError when there is none, or it isn't for whoever asks."""
    found = list_accounts(conn, name)
    if not found:
        raise _missing(name)
    return found[0]


def set_password(conn: Connection, name: str, password: str, by: str, keep: uuid.UUID | None = None) -> None:
    """Set an account's password, and end its sessions and tokens but for ``keep``: whoever knew the old one is out."""
    _change(conn, name, password=hashed(password), password_by=by)
    held = delete(CREDENTIAL).where(CREDENTIAL.c.account == name)
    conn.execute(held if keep is None else held.where(CREDENTIAL.c.id != keep))


def set_active(conn: Connection, name: str, *, active: bool) -> None:
    """Disable an account, which ends its sessions and tokens for good, or enable it again."""
    _change(conn, name, active=active)
    if not active:
        conn.execute(delete(CREDENTIAL).where(CREDENTIAL.c.account == name))


def set_role(conn: Connection, name: str, role: str, title: str) -> None:
    """Give an account another role and title."""
    check_role(role)
    if not 0 < len(title.strip()) <= 60:
        raise InputError("姓名要 1 到 60 个字。", "The title has 1 to 60 characters.")
    _change(conn, name, role=role, title=title.strip())


def give_area(
    conn: Connection, name: str, area: str, since: date | None = None, until: date | None = None,
    substitutes: str = "",
) -> None:  # fmt: skip
    """Give an account an area, for good or for some days; given again from the same day, the last word counts.

    Raises
    ------
    InputError
        When the code or the days can't be used.
    ForbiddenError
        When the account or the area isn't whoever asks administers.
    NotFoundError
        When there is no such account.
    """
    check_area(area)
    first = since or today()
    if until and until < first:
        raise InputError(f"截止日期 {until} 早于起始日期 {first}。", "The last day is before the first.")
    read_account(conn, name)
    given = upsert(ACCOUNT_AREA).values(account=name, area=area, since=first, until=until, substitutes=substitutes)
    with _explained(f"账户 {name} 已有范围 {area}。", "It has this area already."):
        conn.execute(given.on_conflict_do_update(constraint="account_area_pkey", set_={"until": given.excluded.until}))


def end_area(conn: Connection, name: str, area: str) -> None:
    """Take an area from an account: from today on, and where it was given for later days, at all."""
    lasting = (ACCOUNT_AREA.c.until.is_(None)) | (ACCOUNT_AREA.c.until >= _TODAY)
    ends = update(ACCOUNT_AREA).where(ACCOUNT_AREA.c.account == name, ACCOUNT_AREA.c.area == area, lasting)
    before = text(f"greatest({_TODAY}, since) - 1")
    if not conn.execute(ends.values(until=before)).rowcount:
        raise NotFoundError(f"账户 {name} 没有范围 {area}。", f"The account {name!r} doesn't have the area {area}.")


def substitute(conn: Connection, name: str, absent: str, since: date | None, until: date) -> list[str]:
    """Let one account stand in for another, for some days; return the areas that it is given."""
    if name == absent:
        raise InputError("不能顶替自己。", "Nobody stands in for themselves.")
    read_account(conn, name)
    given = [held.area for held in read_account(conn, absent).areas if not held.substitutes]
    if not given:
        raise InputError(f"账户 {absent} 现在没有范围可以顶替。", f"The account {absent!r} has no area.")
    for area in given:
        give_area(conn, name, area, since, until, absent)
    return given


def reassign(conn: Connection, giving: str, taking: str) -> list[str]:
    """Hand every area of one account to another, from today on and with the days that were given; return the areas."""
    handed = [held for held in read_account(conn, giving).areas if not held.substitutes]
    read_account(conn, taking)
    if giving == taking or not handed:
        raise InputError(f"账户 {giving} 没有可以移交的范围。", f"The account {giving!r} has no area to hand over.")
    for held in handed:
        give_area(conn, taking, held.area, max(held.since, today()), held.until)
    for area in dict.fromkeys(held.area for held in handed):
        end_area(conn, giving, area)
    return list(dict.fromkeys(held.area for held in handed))


def remove_account(conn: Connection, name: str) -> None:
    """Delete an account with its areas, sessions and tokens; for demonstration accounts, others are disabled."""
    conn.execute(delete(ACCOUNT).where(ACCOUNT.c.name == name))


def check_name(name: str) -> None:
    """Raise InputError unless the text can be an account's name."""
    if not is_name(name):
        raise InputError(
            f"账户名 {name[:60]!r} 不对:2 到 40 个小写英文字母、数字、点、横线,以字母开头。",
            "An account's name has 2 to 40 lower-case letters, digits, dots and hyphens.",
        )


def is_name(name: str) -> bool:
    """Return whether a text can be an account's name."""
    return re.fullmatch(NAME_PATTERN.strip("^$"), name) is not None


def check_role(role: str) -> None:
    """Raise InputError unless there is such a role."""
    if role not in ROLES:
        listed = "、".join(f"{one.name}({one.title})" for one in ROLES.values())
        raise InputError(f"没有角色 {role[:40]!r};有:{listed}。", f"There is no role {role[:40]!r}.")


def check_area(area: str) -> None:
    """Raise InputError unless the text is an area code."""
    if not re.fullmatch(AREA_PATTERN.strip("^$"), area):
        raise InputError(
            f"区划代码 {area[:40]!r} 不对:应为 6、9、12 或 15 位数字。",
            "An area code has 6, 9, 12 or 15 digits.",
        )


def _accounts(names: Sequence[str]) -> Select[Any]:
    used = select(func.max(CREDENTIAL.c.used_at)).where(CREDENTIAL.c.account == ACCOUNT.c.name).scalar_subquery()
    a = ACCOUNT.c
    # The password itself can't be read; who set it says that there is one.
    wanted = select(
        a.name, a.title, a.role, a.active, a.demo, a.created_at, a.created_by,
        a.password_by.is_not(None).label("has_password"), (a.password_by == a.name).label("own_password"),
        used.label("used_at"),
    ).order_by(a.name)  # fmt: skip
    return wanted.where(a.name.in_(names)) if names else wanted


def _change(conn: Connection, name: str, **values: Any) -> None:
    with _explained("与现有的账户冲突。", "It contradicts another account."):
        changed = conn.execute(update(ACCOUNT).where(ACCOUNT.c.name == name).values(**values)).rowcount
    if not changed:
        raise _missing(name)


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"没有账户 {name[:60]!r},或不归您管理。", f"There is no account {name[:60]!r}.")


@contextmanager
def _explained(chinese: str, english: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(chinese, english) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "42501":
            raise ForbiddenError("这个账户或范围不归您管理。", "That isn't yours to administer.") from error
        raise
