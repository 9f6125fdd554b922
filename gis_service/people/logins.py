"""Logging in, and what proves afterwards whose a request is: sessions of browsers, tokens of programmes.

Only the SHA-256 of a secret is kept. A session ends eight hours after its last use and a day after it began; a token
at its date. Both end at once when they are revoked or their account is disabled: every transaction asks.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, delete, func, insert, literal, select, text, update
from sqlalchemy.engine import Connection

from gis_service.account_tables import CREDENTIAL, LOGIN_ATTEMPT
from gis_service.database import Database
from gis_service.errors import ForbiddenError, InputError, NotFoundError, TooManyAttemptsError, UnauthenticatedError
from gis_service.people.accounts import check_area, is_name, read_account
from gis_service.people.passwords import verified
from gis_service.scope import Grant, Scope

IDLE_S, LONGEST_S = 8 * 3600, 24 * 3600
"""Seconds that a session lasts unused, and at all."""

MOST_BY_ACCOUNT, MOST_BY_ADDRESS = 10, 50
"""Wrong passwords within a quarter of an hour, after which the account, or the address, has to wait."""

LONGEST_TOKEN_DAYS = 366


@dataclass(frozen=True)
class Identity:
    """Whose a request is: the scope that it gets, the account's title, and the credential's kind and identifier."""

    scope: Scope
    title: str
    kind: str
    credential: uuid.UUID


@dataclass(frozen=True)
class Held:
    """A session or a token of an account, without its secret."""

    id: uuid.UUID
    kind: str
    title: str
    areas: tuple[str, ...] | None
    read_only: bool
    created_at: datetime
    used_at: datetime
    expires_at: datetime


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal digits, under which it is known."""
    return hashlib.sha256(secret.encode()).hexdigest()


def identify(database: Database, digest: str) -> Identity | None:
    """Return whose a secret is, and note that it was used; None when it gives nothing (any more)."""
    with database.write(_ANYBODY) as conn:
        row = conn.execute(text("select * from gis.use_credential(decode(:hash, 'hex'))"), {"hash": digest}).first()
    if row is None:
        return None
    grant = Grant(digest, _codes(row.managed), row.read_only, row.viewing)
    return Identity(Scope(row.actor, row.role, _codes(row.areas), grant), row.title, row.kind, row.credential)


def log_in(database: Database, name: str, password: str, *, address: str, title: str, replaces: str | None) -> str:
    """Compare a password and open a session; return its secret.

    Parameters
    ----------
    address
        Where the request comes from, which has a limit of its own.
    title
        The browser, for people to know their sessions apart.
    replaces
        The secret of an older session of the same browser, which ends.

    Raises
    ------
    UnauthenticatedError
        When name or password are wrong; it doesn't say which, and takes as long for either.
    TooManyAttemptsError
        After ten wrong passwords of an account, or fifty of an address, within a quarter of an hour.
    """
    # Phones like to begin with a capital; what can't be a name is nobody's.
    name = name.strip().lower()
    name = name if is_name(name) else ""
    limits = {"account": MOST_BY_ACCOUNT, "address": MOST_BY_ADDRESS}
    with database.write(_ANYBODY) as conn:
        asked = text("select * from gis.begin_login(:name, :source, :account, :address)")
        begun = conn.execute(asked, {"name": name, "source": address, **limits}).one()
    if begun.attempt is None:
        raise TooManyAttemptsError(
            "口令错得太多,请 15 分钟后再试;忘了口令请找管理员重设。" if begun.by_account
            else "这台机器登录失败太多,请 15 分钟后再试。",
            "Too many wrong passwords; try again in a quarter of an hour.",
        )  # fmt: skip
    if not verified(password, begun.password):
        raise UnauthenticatedError("账户名或口令不对。", "The name or the password is wrong.")
    return _open_session(database, Scope(name, begun.role, ()), title, replaces, begun.attempt)


def password_is(database: Database, name: str, password: str) -> bool:
    """Return whether a password is the account's own, for somebody who is logged in; it counts as an attempt."""
    with database.write(_ANYBODY) as conn:
        asked = text("select * from gis.begin_login(:name, :name, :most, :most)")
        begun = conn.execute(asked, {"name": name, "most": MOST_BY_ACCOUNT}).one()
    if begun.attempt is None:
        raise TooManyAttemptsError("口令错得太多,请 15 分钟后再试。", "Too many wrong passwords.")
    right = verified(password, begun.password)
    if right:
        with database.write(Scope(name, "none", ())) as conn:
            conn.execute(update(LOGIN_ATTEMPT).where(LOGIN_ATTEMPT.c.id == begun.attempt).values(succeeded=True))
    return right


def log_in_demo(database: Database, name: str, *, title: str, replaces: str | None) -> str:
    """Open a session of a demonstration account, which has no password; whoever calls this checks that it may be."""
    return _open_session(database, Scope(name, "none", ()), title, replaces, None)


def _open_session(database: Database, own: Scope, title: str, replaces: str | None, attempt: int | None) -> str:
    secret = secrets.token_urlsafe(32)
    if replaces is not None:
        # It may be somebody else's, who leaves in their own name.
        with database.write(_ANYBODY) as conn:
            end_session(conn, replaces)
    with database.write(own) as conn:
        if attempt is not None:
            conn.execute(update(LOGIN_ATTEMPT).where(LOGIN_ATTEMPT.c.id == attempt).values(succeeded=True))
        conn.execute(
            insert(CREDENTIAL).values(
                hash=bytes.fromhex(digest_of(secret)), account=own.actor, kind="session", title=title[:200] or "浏览器",
                idle_s=IDLE_S, expires_at=func.now() + literal(timedelta(seconds=LONGEST_S)),
            )
        )  # fmt: skip
    return secret


def end_session(conn: Connection, secret: str) -> None:
    """End the session of a secret, where it is one of whoever asks."""
    conn.execute(text("select gis.end_session(decode(:hash, 'hex'))"), {"hash": digest_of(secret)})


def make_token(
    conn: Connection, account: str, title: str, days: int, *, areas: Sequence[str] = (), read_only: bool = False
) -> str:
    """Make a token of an account; return it, as it is never shown again.

    Parameters
    ----------
    areas
        Where it may be used, within the account's own areas of that time; everywhere in them if not given.

    Raises
    ------
    InputError
        When the days or an area can't be used.
    NotFoundError
        When there is no such account.
    """
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise InputError(f"令牌的有效期要 1 到 {LONGEST_TOKEN_DAYS} 天。", "A token lasts 1 to 366 days.")
    for area in areas:
        check_area(area)
    held = [one.area for one in read_account(conn, account).areas]
    for area in areas:
        if not any(area.startswith(own) or own.startswith(area) for own in held):
            raise InputError(f"范围 {area} 不在账户 {account} 的范围里。", f"The area {area} isn't the account's.")
    identifier = uuid.uuid4()
    secret = f"gis_{identifier.hex[:8]}_{secrets.token_urlsafe(32)}"
    conn.execute(
        insert(CREDENTIAL).values(
            id=identifier, hash=bytes.fromhex(digest_of(secret)), account=account, kind="token",
            title=title.strip()[:200] or "令牌", areas=list(areas) or None, read_only=read_only,
            expires_at=func.now() + literal(timedelta(days=days)),
        )
    )  # fmt: skip
    return secret


def list_held(conn: Connection, account: str | None = None) -> list[tuple[str, Held]]:
    """Return (account, session or token) of those that whoever asks may know of, the last used first."""
    c = CREDENTIAL.c
    awake = (c.idle_s.is_(None)) | (func.extract("epoch", func.now() - c.used_at) < c.idle_s)
    wanted = select(
        c.account, c.id, c.kind, c.title, c.areas, c.read_only, c.created_at, c.used_at, c.expires_at
    ).where(c.expires_at > func.now(), awake)
    if account is not None:
        wanted = wanted.where(c.account == account)
    found = []
    for row in conn.execute(wanted.order_by(c.used_at.desc(), c.id)):
        areas = None if row.areas is None else tuple(row.areas)
        held = Held(row.id, row.kind, row.title, areas, row.read_only, row.created_at, row.used_at, row.expires_at)
        found.append((row.account, held))
    return found


def revoke(conn: Connection, identifier: str) -> None:
    """End a session or a token, by its identifier or the first eight digits of it; NotFoundError when there is none."""
    digits = func.replace(cast(CREDENTIAL.c.id, Text), "-", "")
    begins = digits.startswith(identifier.replace("-", "").lower(), autoescape=True)
    found = conn.execute(delete(CREDENTIAL).where(begins)).rowcount if len(identifier) >= 8 else 0
    if not found:
        raise NotFoundError(f"没有编号为 {identifier[:40]!r} 的会话或令牌。", "There is no such session or token.")


def viewable(conn: Connection) -> list[Any]:
    """Return (name, title, role, areas) of the workers through whose eyes whoever asks may look."""
    return list(conn.execute(text("select * from gis.viewable()")))


def view_as(conn: Connection, credential: uuid.UUID, name: str | None) -> None:
    """Look through another's eyes from now on, or through one's own again.

    Raises
    ------
    ForbiddenError
        When the other isn't a worker within the areas of whoever asks.
    """
    if name is not None and name not in {row.name for row in viewable(conn)}:
        raise ForbiddenError("只能以自己范围内的网格员、调查员的身份查看。", "There is no such worker in your area.")
    conn.execute(update(CREDENTIAL).where(CREDENTIAL.c.id == credential).values(viewing=name))


def _codes(text_: str) -> tuple[str, ...]:
    return tuple(text_.split(",")) if text_ else ()


_ANYBODY = Scope("anybody", "none", ())
