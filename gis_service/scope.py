"""Who asks, in which role, for which areas: a prefix of the area code is a scope.

Six digits are a county, nine a street, twelve a community, fifteen one grid (GB/T 2260 + street + community + grid).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, Text, and_, bindparam, false, or_, text
from sqlalchemy.engine import Connection

from gis_service.errors import EndedError, InputError
from layers.layer import Visibility

_LENGTHS = {6, 9, 12, 15}


@dataclass(frozen=True)
class Grant:
    """What a request proved: the credential that gives its scope, asked anew in every transaction.

    Attributes
    ----------
    credential
        SHA-256 of the secret, in hexadecimal digits.
    managed
        Areas whose accounts may be administered.
    read_only
        Nothing may be written.
    viewing
        The account through whose eyes is looked.
    """

    credential: str
    managed: tuple[str, ...] = ()
    read_only: bool = False
    viewing: str | None = None


@dataclass(frozen=True)
class Scope:
    """Who asks and what they may see.

    Attributes
    ----------
    actor
        The account or programme, written into history.
    role
        The role's name.
    areas
        Area codes of 6, 9, 12 or 15 digits; none of them means nothing is seen.
    grant
        What gives the scope; None for commands and workers of the service itself.
    """

    actor: str
    role: str
    areas: tuple[str, ...]
    grant: Grant | None = None

    def __post_init__(self) -> None:
        """Refuse codes that are no area codes."""
        for code in self.areas:
            if not (code.isascii() and code.isdigit() and len(code) in _LENGTHS):
                raise InputError(
                    f"区划代码 {code} 不对:应为 6、9、12 或 15 位数字。",
                    f"The area code {code} is wrong: it has 6, 9, 12 or 15 digits.",
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the codes: scopes of one shape share one statement."""
        return tuple(map(len, self.areas))

    def key(self) -> str:
        """Return the scope as a part of cache keys: what is seen depends on it, and a page says through whose eyes."""
        viewing = self.grant.viewing if self.grant else None
        return f"{self.role}:{','.join(sorted(self.areas))}" + (f":{viewing}" if viewing else "")

    def narrowed(self, community: str) -> Scope:
        """Return the part of the scope that lies in one community; with no area when there is none."""
        areas = tuple(
            dict.fromkeys(
                code if len(code) > len(community) else community
                for code in self.areas
                if code.startswith(community) or community.startswith(code)
            )
        )
        return Scope(self.actor, self.role, areas, self.grant)


def partial_of(areas: Sequence[str]) -> str:
    """Return what must be said of numbers that are those of some grids only, "" where they are of the whole."""
    grids = [code[12:] for code in areas if len(code) > 12]
    return f"只含网格 {'、'.join(grids)}" if grids and len(grids) == len(areas) else ""


SETTINGS = (
    "select num_nulls(set_config('gis.scope', {areas}, true), set_config('gis.communities', {communities}, true),"
    " set_config('gis.actor', {actor}, true), set_config('gis.upload', {upload}, true),"
    " set_config('gis.role', {role}, true), set_config('gis.managed', {managed}, true))"
)
"""Statement that tells a transaction whose it is, in one short row; its settings end with the transaction."""

GRANTED = (
    " from gis.granted(decode({credential}, 'hex')) g where (g.actor, g.role, g.areas, g.managed, g.read_only)"
    " = ({actor}, {role}, {areas}, {managed}, {read_only})"
)
"""What follows ``SETTINGS`` where a credential gives the scope: without a row of it nothing is set, nothing is seen."""


def enter(conn: Connection, scope: Scope, upload: str | None = None) -> None:
    """Tell the transaction whose it is; row-level security and history read it.

    Raises
    ------
    EndedError
        When the credential gives something else by now, or nothing.
    """
    if conn.execute(_ENTER if scope.grant is None else _ENTER_GRANTED, settings_of(scope, upload)).first() is None:
        raise ended()


def settings_of(scope: Scope, upload: str | None = None) -> dict[str, str | bool]:
    """Return the values of ``SETTINGS`` for a scope, and of ``GRANTED`` where it has a credential."""
    communities = dict.fromkeys(code[:12] for code in scope.areas if len(code) >= 12)
    grant = scope.grant
    settings: dict[str, str | bool] = {
        "areas": ",".join(scope.areas),
        "communities": ",".join(communities),
        "actor": scope.actor,
        "upload": upload or "",
        "role": scope.role,
        "managed": ",".join(grant.managed) if grant else "",
    }
    return settings if grant is None else {**settings, "credential": grant.credential, "read_only": grant.read_only}


def ended() -> EndedError:
    """Return the error for a credential that no longer gives what it gave."""
    return EndedError(
        "登录已经失效(到期、被撤销,或账户有变动);请重新登录。", "The login has ended or changed; log in again."
    )


_NAMES = ("areas", "communities", "actor", "upload", "role", "managed", "credential", "read_only")
_MARKS = {name: f":{name}" for name in _NAMES}
_ENTER, _ENTER_GRANTED = (text(statement.format(**_MARKS)) for statement in (SETTINGS, SETTINGS + GRANTED))


def within(scope: Scope, table: FromClause, visibility: Visibility) -> ColumnElement[bool]:
    """Return the query's own filter on ``community`` and ``grid``; its parameters are those of ``values_of``.

    Row-level security is the net under it. The filter stands in every query because it lets the planner use the
    keys, and because many communities are to be spread over partitions by it.
    """
    parts: list[ColumnElement[bool]] = []
    for number, code in enumerate(scope.areas):
        name = f"scope{number}"
        if len(code) < 12:
            # Bounds of digits only: other signs sort differently from one collation to the next.
            low, high = bindparam(name, code.ljust(12, "0"), Text), bindparam(f"{name}_end", code.ljust(12, "9"), Text)
            parts.append(table.c.community.between(low, high))
        elif len(code) == 12:
            parts.append(table.c.community == bindparam(name, code, Text))
        else:
            community = table.c.community == bindparam(f"{name}_community", code[:12], Text)
            grid = table.c.grid == bindparam(name, code, Text) if visibility == "grid" else None
            parts.append(community if grid is None else and_(community, grid))
    return or_(*parts) if parts else false()


def values_of(scope: Scope) -> dict[str, str]:
    """Return the values of the parameters in ``within``."""
    found: dict[str, str] = {}
    for number, code in enumerate(scope.areas):
        name = f"scope{number}"
        found |= {name: code.ljust(12, "0"), f"{name}_end": code.ljust(12, "9"), f"{name}_community": code[:12]}
    return found
