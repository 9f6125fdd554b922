"""Demonstration accounts: there while the service is told so, gone otherwise; they have no password."""

from __future__ import annotations

from sqlalchemy import select

from gis_service.account_tables import ACCOUNT
from gis_service.database import Database
from gis_service.people.accounts import Account, add_account, list_accounts, remove_account
from gis_service.people.roles import OPERATOR, ROLES
from gis_service.sample.rows import COMMUNITY
from gis_service.scope import Scope

_GRIDS = 6
DEMO_ACCOUNTS = (
    *((name, name, COMMUNITY, f"演示{ROLES[name].title}") for name in ("admin", "leader", "staff", "surveyor")),
    *((f"grid{n}", "grid_worker", f"{COMMUNITY}{n:03}", f"演示网格员 {n}") for n in range(1, _GRIDS + 1)),
)
"""(name, role, area, title) of each, on the sample's community and its six grids."""

_SCOPE = Scope("demo", OPERATOR, ())


def settle_demo(database: Database, *, wanted: bool) -> None:
    """Make the demonstration accounts where they are wanted; otherwise delete them with their logins and tokens.

    An account of somebody's that has such a name stays what it is.
    """
    with database.write(_SCOPE) as conn:
        if not wanted:
            for name in conn.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.demo)).scalars().all():
                remove_account(conn, name)
        known = set(conn.execute(select(ACCOUNT.c.name)).scalars())
        for name, role, area, title in DEMO_ACCOUNTS:
            if wanted and name not in known:
                add_account(conn, name, role, [area], title, demo=True)


def list_demo(database: Database) -> list[Account]:
    """Return the demonstration accounts that there are, in the order in which they are shown."""
    order = [name for name, *_ in DEMO_ACCOUNTS]
    with database.read(_SCOPE) as conn:
        found = [one for one in list_accounts(conn, *order) if one.demo and one.active]
    return sorted(found, key=lambda one: order.index(one.name))
