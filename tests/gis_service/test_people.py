"""Accounts, logins and tokens on a real database: who gets what, when it ends, and what the policies refuse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from gis_service.database import Database, open_engine
from gis_service.errors import (
    ConflictError,
    EndedError,
    ForbiddenError,
    InputError,
    NotFoundError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from gis_service.local_cluster import LocalCluster
from gis_service.people import accounts, logins
from gis_service.people.demo import DEMO_ACCOUNTS, list_demo, settle_demo
from gis_service.people.logins import Identity, digest_of, identify, log_in, make_token
from gis_service.people.passwords import hashed, made, verified
from gis_service.people.roles import ROLES, Right, may
from gis_service.scope import Grant, Scope
from tests.asking import Asking
from tests.gis_service.example_rows import driver_of

OPERATOR = Scope("operator", "operator", ())
TOWN = "330482002099"
WEST, EAST = TOWN + "001", TOWN + "002"
PASSWORD = "一个够长的口令 2026"
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, database_name: str) -> Any:
    engine = open_engine(cluster.url("postgres", database_name))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def nobody(superuser: Engine) -> None:
    """Every test begins without an account."""
    with superuser.begin() as conn:
        conn.execute(text("truncate gis.account, gis.account_area, gis.credential, gis.login_attempt cascade"))


def add(database: Database, name: str, role: str, *areas: str, password: str | None = None) -> None:
    with database.write(OPERATOR) as conn:
        accounts.add_account(conn, name, role, areas, name.title())
        if password is not None:
            accounts.set_password(conn, name, password, "operator")


def token(database: Database, name: str, days: int = 1, **more: Any) -> str:
    with database.write(OPERATOR) as conn:
        return make_token(conn, name, "test", days, **more)


def identity(database: Database, secret: str) -> Identity:
    found = identify(database, digest_of(secret))
    assert found is not None
    return found


def session(database: Database, name: str, password: str = PASSWORD, address: str = "10.0.0.1") -> Identity:
    secret = log_in(database, name, password, address=address, title="test", replaces=None)
    return identity(database, secret)


def seen(database: Database, scope: Scope) -> int:
    with database.read(scope) as conn:
        found: int = conn.execute(text("select 1")).scalar_one()
        return found


def unguarded(conn: Connection, statement: str) -> None:
    """Run a statement past the triggers, as time passes past them."""
    conn.execute(text("set local session_replication_role = replica"))
    conn.execute(text(statement))


def refused(database: Database, scope: Scope, statement: str) -> None:
    """Assert that the database refuses a statement, or that it reaches no row."""
    reached = 0
    with suppress(psycopg.errors.InsufficientPrivilege), database.write(scope) as conn:
        reached = driver_of(conn).execute(statement).rowcount
    assert reached == 0


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_its_areas_only_for_what_it_may_do(database: Database, role: str) -> None:
    add(database, "someone", role, WEST, EAST)
    scope = identity(database, token(database, "someone")).scope
    assert (scope.actor, scope.role) == ("someone", role)
    assert scope.grant is not None
    if Right.READ in ROLES[role].rights:
        assert (scope.areas, scope.grant.managed) == ((WEST, EAST), ())
    else:
        assert (scope.areas, scope.grant.managed) == ((), (WEST, EAST))
    assert not may("none", Right.READ)
    assert seen(database, scope) == 1


def test_a_wider_area_holds_the_narrower_ones(database: Database) -> None:
    add(database, "someone", "staff", WEST, TOWN, "330483002")
    assert identity(database, token(database, "someone")).scope.areas == (TOWN, "330483002")


@pytest.mark.parametrize(
    ("limits", "areas"),
    [((WEST,), (WEST,)), (("330482",), (TOWN,)), ((WEST, EAST), (WEST, EAST))],
)
def test_a_token_is_never_wider_than_its_account(
    database: Database, limits: tuple[str, ...], areas: tuple[str, ...]
) -> None:
    add(database, "someone", "staff", TOWN)
    secret = token(database, "someone", areas=limits)
    assert identity(database, secret).scope.areas == areas
    with pytest.raises(InputError):
        token(database, "someone", areas=("110101",))
    with database.write(OPERATOR) as conn:
        accounts.give_area(conn, "someone", "110101")
        accounts.end_area(conn, "someone", TOWN)
    assert identity(database, secret).scope.areas == ()


def test_areas_begin_and_end_with_their_days(database: Database) -> None:
    add(database, "worker", "grid_worker", WEST)
    secret, later = token(database, "worker"), TODAY + timedelta(days=9)
    with database.write(OPERATOR) as conn:
        accounts.give_area(conn, "worker", EAST, later)
        accounts.give_area(conn, "worker", TOWN + "003", TODAY - timedelta(days=9), TODAY - timedelta(days=1))
        accounts.give_area(conn, "worker", TOWN + "004", TODAY - timedelta(days=9), TODAY)
    assert identity(database, secret).scope.areas == (WEST, TOWN + "004")
    with database.write(OPERATOR) as conn:
        accounts.end_area(conn, "worker", TOWN + "004")
        with pytest.raises(NotFoundError):
            accounts.end_area(conn, "worker", TOWN + "009")
    assert identity(database, secret).scope.areas == (WEST,)


def test_a_substitute_has_the_areas_for_the_days_and_no_others(database: Database) -> None:
    add(database, "absent", "grid_worker", WEST, EAST)
    add(database, "present", "grid_worker", TOWN + "003")
    with database.write(OPERATOR) as conn:
        assert accounts.substitute(conn, "present", "absent", None, TODAY + timedelta(days=2)) == [WEST, EAST]
    assert identity(database, token(database, "present")).scope.areas == (WEST, EAST, TOWN + "003")
    # Several people to a grid: whoever is absent keeps theirs.
    assert identity(database, token(database, "absent")).scope.areas == (WEST, EAST)
    with database.read(OPERATOR) as conn:
        held = accounts.read_account(conn, "present").areas
    assert {(one.area, one.substitutes) for one in held if one.until} == {(WEST, "absent"), (EAST, "absent")}
    # Whoever has one of the areas already keeps it when the days are over.
    with database.write(OPERATOR) as conn:
        accounts.give_area(conn, "present", WEST)
        accounts.substitute(conn, "present", "absent", None, TODAY + timedelta(days=1))
        held = accounts.read_account(conn, "present").areas
        with pytest.raises(InputError):
            accounts.substitute(conn, "absent", "absent", None, TODAY)
    assert (WEST, None) in {(one.area, one.until) for one in held}


def test_reassigning_keeps_the_days_that_were_given(database: Database) -> None:
    add(database, "old", "grid_worker", WEST)
    add(database, "new", "grid_worker", TOWN + "003")
    soon, later = TODAY + timedelta(days=2), TODAY + timedelta(days=60)
    with database.write(OPERATOR) as conn:
        accounts.give_area(conn, "old", EAST, None, soon)
        accounts.give_area(conn, "old", TOWN + "004", later)
        accounts.give_area(conn, "new", WEST, later)
        accounts.reassign(conn, "old", "new")
        held = {(one.area, one.since, one.until) for one in accounts.read_account(conn, "new").areas}
        assert accounts.read_account(conn, "old").areas == ()
    assert {(WEST, TODAY, None), (EAST, TODAY, soon), (TOWN + "004", later, None)} <= held
    assert identity(database, token(database, "new")).scope.areas == (WEST, EAST, TOWN + "003")


def test_an_account_whose_areas_ended_is_still_administered_where_they_were(database: Database) -> None:
    add(database, "near", "admin", TOWN, password=PASSWORD)
    add(database, "far", "admin", "110101", password=PASSWORD)
    add(database, "retired", "staff", WEST)
    with database.write(OPERATOR) as conn:
        accounts.end_area(conn, "retired", WEST)
    for name, seen_by in (("near", True), ("far", False)):
        with database.read(session(database, name).scope) as conn:
            assert ("retired" in {one.name for one in accounts.list_accounts(conn)}) is seen_by, name
    adopt = "insert into gis.account_area (account, area) values ('retired', '110101')"
    refused(database, session(database, "far").scope, adopt)


def own_changes() -> list[Callable[[Connection], None]]:
    return [
        lambda conn: accounts.set_role(conn, "admin", "staff", "x"),
        lambda conn: accounts.set_active(conn, "admin", active=False),
        lambda conn: accounts.give_area(conn, "admin", WEST),
    ]


def test_nobody_gives_themselves_another_role_or_area(database: Database) -> None:
    add(database, "admin", "admin", TOWN, password=PASSWORD)
    scope = session(database, "admin").scope
    for wrong in own_changes():
        with pytest.raises(ForbiddenError), database.write(scope) as conn:
            wrong(conn)
    for statement in (
        "update gis.account set role = 'staff' where name = 'admin'",
        f"insert into gis.account_area (account, area) values ('admin', '{WEST}')",
        "update gis.account_area set until = current_date + 9 where account = 'admin'",
    ):
        refused(database, scope, statement)


def test_what_a_demonstration_makes_ends_with_it(database: Database) -> None:
    add(database, "real", "staff", "330482002011", password=PASSWORD)
    settle_demo(database, wanted=True)
    scope = identity(database, logins.log_in_demo(database, "admin", title="", replaces=None)).scope
    with database.write(scope) as conn:
        accounts.add_account(conn, "made", "admin", ["330482002011"])
        accounts.substitute(conn, "grid2", "grid1", None, TODAY)
        with pytest.raises(NotFoundError):
            accounts.set_password(conn, "real", PASSWORD, "admin")
    settle_demo(database, wanted=False)
    with database.read(OPERATOR) as conn:
        assert [one.name for one in accounts.list_accounts(conn)] == ["real"]


def test_reassigning_moves_everything_at_once(database: Database) -> None:
    add(database, "old", "grid_worker", WEST, EAST)
    add(database, "new", "grid_worker", EAST)
    secret = token(database, "old")
    with database.write(OPERATOR) as conn:
        assert accounts.reassign(conn, "old", "new") == [WEST, EAST]
        with pytest.raises(InputError):
            accounts.reassign(conn, "old", "new")
    assert identity(database, secret).scope.areas == ()
    assert identity(database, token(database, "new")).scope.areas == (WEST, EAST)


@pytest.mark.parametrize(
    ("name", "role", "areas"),
    [("A", "staff", [TOWN]), ("a b", "staff", [TOWN]), ("ab\n", "staff", [TOWN]), ("ok", "god", [TOWN]),
     ("ok", "staff", []), ("ok", "staff", ["3304"]), ("ok", "staff", ["33048200209x"]), ("ok", "staff", [TOWN + "\n"])],
)  # fmt: skip
def test_accounts_that_cannot_be_are_refused(database: Database, name: str, role: str, areas: list[str]) -> None:
    with pytest.raises(InputError), database.write(OPERATOR) as conn:
        accounts.add_account(conn, name, role, areas)


def test_a_name_is_given_once(database: Database) -> None:
    add(database, "someone", "staff", TOWN)
    with pytest.raises(ConflictError), database.write(OPERATOR) as conn:
        accounts.add_account(conn, "someone", "leader", [TOWN])


def test_passwords_are_hashed_with_the_stated_parameters() -> None:
    stored = hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
    assert verified(PASSWORD, stored)
    assert not verified(PASSWORD + " ", stored)
    assert not verified(PASSWORD, None)
    assert len({made() for _ in range(100)}) == 100
    for password in ("short", "x" * 201):
        with pytest.raises(InputError):
            hashed(password)


def test_only_the_right_password_logs_in(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    add(database, "tokens", "staff", TOWN)
    assert session(database, "someone").scope.areas == (TOWN,)
    assert session(database, " Someone ").scope.actor == "someone"
    for name, password in (("someone", "wrong password"), ("someone", ""), ("nobody", PASSWORD), ("tokens", ""),
                           ("tokens", PASSWORD), ("some\0one", PASSWORD), ("x" * 5000, PASSWORD)):  # fmt: skip
        with pytest.raises(UnauthenticatedError):
            session(database, name, password)
    with database.write(OPERATOR) as conn:
        accounts.set_active(conn, "someone", active=False)
    with pytest.raises(UnauthenticatedError):
        session(database, "someone")


def test_ten_wrong_passwords_close_an_account_for_a_while(database: Database, superuser: Engine) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    add(database, "other", "staff", TOWN, password=PASSWORD)
    for number in range(10):
        with pytest.raises(UnauthenticatedError):
            session(database, "someone", "wrong password", f"10.0.0.{number}")
    with pytest.raises(TooManyAttemptsError):
        session(database, "someone", PASSWORD, "10.0.0.99")
    assert session(database, "other", PASSWORD, "10.0.0.1").scope.actor == "other"
    with superuser.begin() as conn:
        # Attempts while it is closed don't count, or somebody could keep it closed for ever.
        assert conn.execute(text("select count(*) from gis.login_attempt where account = 'someone'")).scalar() == 10
        conn.execute(text("update gis.login_attempt set at = at - interval '16 minutes'"))
    assert session(database, "someone").scope.actor == "someone"


def test_fifty_wrong_passwords_close_an_address(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    with database.write(Scope("anybody", "none", ())) as conn:
        for number in range(50):
            conn.execute(text("select gis.begin_login(:name, '10.9.9.9', 10, 50)"), {"name": f"guess{number}"})
    with pytest.raises(TooManyAttemptsError, match="这台机器"):
        session(database, "someone", PASSWORD, "10.9.9.9")
    assert session(database, "someone", PASSWORD, "10.0.0.1").scope.actor == "someone"


def test_a_session_ends_unused_after_eight_hours_and_anyway_after_a_day(database: Database, superuser: Engine) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)

    def after(column: str, hours: float) -> bool:
        scope = session(database, "someone").scope
        with superuser.begin() as conn:
            unguarded(conn, f"update gis.credential set {column} = {column} - interval '1 hour' * {hours}")
        alive = identify(database, scope.grant.credential) is not None if scope.grant else False
        with superuser.begin() as conn:
            conn.execute(text("delete from gis.credential"))
        return alive

    assert after("used_at", 7.9)
    assert not after("used_at", 8.1)
    assert after("expires_at", 23.9)
    assert not after("expires_at", 24.1)


def endings() -> dict[str, Callable[[Any, Identity], None]]:
    return {
        "revoked": lambda conn, found: logins.revoke(conn, str(found.credential)),
        "disabled": lambda conn, _: accounts.set_active(conn, "someone", active=False),
        "another role": lambda conn, _: accounts.set_role(conn, "someone", "leader", "x"),
        "another area": lambda conn, _: accounts.end_area(conn, "someone", TOWN),
        "a further area": lambda conn, _: accounts.give_area(conn, "someone", "110101"),
        "another password": lambda conn, _: accounts.set_password(conn, "someone", PASSWORD + "!", "operator"),
    }


@pytest.mark.parametrize("ending", endings())
def test_a_scope_dies_at_once_with_what_gave_it(database: Database, ask: Asking, ending: str) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    found = session(database, "someone")
    assert seen(database, found.scope) == 1
    assert ask(found.scope) == []
    with database.write(OPERATOR) as conn:
        endings()[ending](conn, found)
    for attempt in (lambda: seen(database, found.scope), lambda: ask(found.scope)):
        with pytest.raises(EndedError):
            attempt()
    with pytest.raises(EndedError), database.write(found.scope):
        pass


@pytest.mark.parametrize(
    "forged",
    [{"areas": ("330482",)}, {"role": "admin"}, {"actor": "boss"}, {"areas": (TOWN, "110101")}],
    ids=str,
)  # fmt: skip
def test_the_database_gives_a_credential_no_more_than_it_has(database: Database, ask: Asking, forged: Any) -> None:
    add(database, "someone", "staff", TOWN)
    scope = identity(database, token(database, "someone", read_only=True)).scope
    wrong = Scope(**{"actor": scope.actor, "role": scope.role, "areas": scope.areas, "grant": scope.grant, **forged})
    with pytest.raises(EndedError):
        seen(database, wrong)
    with pytest.raises(EndedError):
        ask(wrong)
    assert scope.grant is not None
    writing = Scope(scope.actor, scope.role, scope.areas, Grant(scope.grant.credential, read_only=False))
    with pytest.raises(EndedError), database.write(writing):
        pass
    with pytest.raises(ForbiddenError), database.write(scope):
        pass


def test_a_new_password_ends_what_the_old_one_opened_but_for_where_it_was_changed(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    here, there = session(database, "someone"), session(database, "someone")
    secret = token(database, "someone")
    with database.write(here.scope) as conn:
        accounts.set_password(conn, "someone", PASSWORD + "!", "someone", here.credential)
    assert here.scope.grant is not None
    assert there.scope.grant is not None
    assert identify(database, here.scope.grant.credential) is not None
    assert identify(database, there.scope.grant.credential) is None
    assert identify(database, digest_of(secret)) is None


def test_a_disabled_account_gives_nothing_although_its_logins_are_there(database: Database, superuser: Engine) -> None:
    add(database, "someone", "staff", TOWN)
    secret = token(database, "someone")
    with superuser.begin() as conn:
        # Disabling deletes the logins too; this is the net under it.
        unguarded(conn, "update gis.account set active = false")
    assert identify(database, digest_of(secret)) is None


def test_secrets_are_kept_as_digests_only(database: Database, superuser: Engine) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    secrets = [token(database, "someone"), log_in(database, "someone", PASSWORD, address="", title="", replaces=None)]
    with superuser.begin() as conn:
        kept = " ".join(
            str(row) for table in ("account", "credential", "login_attempt")
            for row in conn.execute(text(f"select to_jsonb(t) from gis.{table} t"))
        )  # fmt: skip
    assert all(digest_of(secret) in kept for secret in secrets)
    assert not any(secret in kept for secret in secrets)
    assert PASSWORD not in kept


def test_a_new_login_ends_the_one_before_in_the_same_browser(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    first = log_in(database, "someone", PASSWORD, address="", title="", replaces=None)
    second = log_in(database, "someone", PASSWORD, address="", title="", replaces=first)
    assert first != second
    assert identify(database, digest_of(first)) is None
    assert identify(database, digest_of(second)) is not None


def test_looking_through_another_s_eyes(database: Database) -> None:
    add(database, "staff", "staff", TOWN, password=PASSWORD)
    for name, area in (("west", WEST), ("away", "330482002098001"), ("both", TOWN)):
        add(database, name, "grid_worker", area)
    add(database, "boss", "leader", TOWN)
    mine = session(database, "staff")
    with database.read(mine.scope) as conn:
        assert {row.name for row in logins.viewable(conn)} == {"west", "both"}
    for name in ("away", "boss", "nobody", "staff"):
        with pytest.raises(ForbiddenError), database.write(mine.scope) as conn:
            logins.view_as(conn, mine.credential, name)
        # The database itself refuses what the programme would.
        refused(database, mine.scope, f"update gis.credential set viewing = '{name}' where id = '{mine.credential}'")
    with database.write(mine.scope) as conn:
        logins.view_as(conn, mine.credential, "west")
    assert mine.scope.grant is not None
    shown = identify(database, mine.scope.grant.credential)
    assert shown is not None
    assert (shown.scope.actor, shown.scope.role, shown.scope.areas) == ("staff", "grid_worker", (WEST,))
    assert shown.scope.grant is not None
    assert shown.scope.grant.viewing == "west"
    with pytest.raises(ForbiddenError), database.write(shown.scope):
        pass
    # Another role of the worker's gives nothing: there are no such eyes any more.
    with database.write(OPERATOR) as conn:
        accounts.set_role(conn, "west", "admin", "x")
    own = identify(database, mine.scope.grant.credential)
    assert own is not None
    assert own.scope == mine.scope
    with database.write(OPERATOR) as conn:
        accounts.set_role(conn, "west", "grid_worker", "x")
    # When the worker moves away, what is seen is never more than one's own area.
    with database.write(OPERATOR) as conn:
        accounts.give_area(conn, "west", "330482002098001")
    again = identify(database, mine.scope.grant.credential)
    assert again is not None
    assert again.scope.areas == (WEST,)
    with database.write(Scope("staff", "none", ())) as conn:
        logins.view_as(conn, mine.credential, None)
    back = identify(database, mine.scope.grant.credential)
    assert back is not None
    assert back.scope == mine.scope


def changes_of_account() -> list[Callable[[Connection, str], None]]:
    return [
        lambda conn, who: accounts.set_password(conn, who, PASSWORD, "admin"),
        lambda conn, who: accounts.set_active(conn, who, active=False),
        lambda conn, who: accounts.set_role(conn, who, "admin", "x"),
        lambda conn, who: accounts.give_area(conn, who, WEST),
    ]


def test_an_administrator_reaches_only_accounts_of_the_own_areas(database: Database) -> None:
    add(database, "admin", "admin", TOWN, password=PASSWORD)
    for name, area in (("near", WEST), ("far", "330482002098"), ("wide", "330482002")):
        add(database, name, "staff", area)
    scope = session(database, "admin").scope
    with database.read(scope) as conn:
        assert [one.name for one in accounts.list_accounts(conn)] == ["admin", "near"]
        with pytest.raises(NotFoundError):
            accounts.read_account(conn, "far")
    with database.write(scope) as conn:
        accounts.add_account(conn, "new", "grid_worker", [EAST])
        accounts.set_password(conn, "new", PASSWORD, "admin")
        accounts.give_area(conn, "near", EAST)
    for area in ("330482", "330482002", "330482002098", "110101"):
        with pytest.raises(ForbiddenError), database.write(scope) as conn:
            accounts.give_area(conn, "near", area)
        with pytest.raises(ForbiddenError), database.write(scope) as conn:
            accounts.add_account(conn, "taller", "staff", [WEST, area])
    for name in ("far", "wide", "nobody"):
        for change in changes_of_account():
            with pytest.raises(NotFoundError), database.write(scope) as conn:
                change(conn, name)
        refused(database, scope, f"update gis.account set active = false where name = '{name}'")
        refused(database, scope, f"update gis.account_area set until = since where account = '{name}'")
        refused(database, scope, f"delete from gis.credential where account = '{name}'")


WRONGS = [
    "update gis.account set role = 'admin' where name = 'someone'",
    "update gis.account set active = true, title = 'x' where name = 'someone'",
    "update gis.account set password = 'x' where name = 'other'",
    "insert into gis.account (name, title, role) values ('more', 'more', 'admin')",
    "insert into gis.account_area (account, area) values ('someone', '330482')",
    "insert into gis.account_area (account, area) values ('someone', '330482002099001')",
    "update gis.account_area set until = null",
    "delete from gis.account_area",
    "delete from gis.account",
    "delete from gis.credential where account = 'other'",
    "insert into gis.credential (hash, account, kind, title, expires_at)"
    " values ('x', 'other', 'token', 'x', now() + interval '1 day')",
    "update gis.credential set viewing = 'other' where account = 'other'",
    "update gis.credential set expires_at = 'infinity' where account = 'someone'",
    "update gis.credential set read_only = false where account = 'someone'",
    "update gis.credential set areas = null where account = 'someone'",
    "update gis.login_attempt set at = now() - interval '1 day'",
    "insert into gis.login_attempt (account, address) values ('other', 'x')",
    "delete from gis.login_attempt",
    "select password from gis.account",
    "select hash from gis.credential",
    "select address from gis.login_attempt",
    "truncate gis.account cascade",
]


@pytest.mark.parametrize(
    "role", ["grid_worker", "auditor", *(pytest.param(one, marks=pytest.mark.long) for one in ("staff", "leader"))]
)
@pytest.mark.parametrize("statement", WRONGS)
def test_nobody_raises_themselves_or_touches_others(database: Database, role: str, statement: str) -> None:
    add(database, "someone", role, TOWN, password=PASSWORD)
    add(database, "other", "staff", TOWN)
    token(database, "other")
    token(database, "someone", read_only=True)
    refused(database, session(database, "someone").scope, statement)


def test_one_sees_no_accounts_but_the_own(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    add(database, "other", "staff", TOWN, password=PASSWORD)
    token(database, "other")
    scope = session(database, "someone").scope
    with database.read(scope) as conn:
        assert [one.name for one in accounts.list_accounts(conn)] == ["someone"]
        assert {account for account, _ in logins.list_held(conn)} == {"someone"}
        assert set(conn.execute(text("select account from gis.account_area")).scalars()) == {"someone"}
    with database.write(scope) as conn:
        accounts.set_password(conn, "someone", PASSWORD + "!", "someone")
    with pytest.raises(UnauthenticatedError):
        session(database, "someone")
    with database.read(Scope("someone", "none", ())) as conn:
        assert accounts.read_account(conn, "someone").own_password


def test_without_a_scope_nothing_is_seen_of_people(database: Database) -> None:
    add(database, "someone", "staff", TOWN, password=PASSWORD)
    with database.writer.begin() as conn:
        for table, column in (
            ("account", "name"),
            ("account_area", "area"),
            ("credential", "id"),
            ("login_attempt", "id"),
        ):
            assert conn.execute(text(f"select count({column}) from gis.{table}")).scalar() == 0, table
        assert conn.execute(text("select count(*) from gis.viewable()")).scalar() == 0


def test_a_token_ends_with_its_day_and_is_found_by_its_first_digits(database: Database, superuser: Engine) -> None:
    add(database, "someone", "staff", TOWN)
    secret = token(database, "someone", days=3)
    assert secret.startswith("gis_")
    with database.read(OPERATOR) as conn:
        ((account, held),) = logins.list_held(conn)
    assert (account, held.kind, held.title) == ("someone", "token", "test")
    assert timedelta(days=2.99) < held.expires_at - held.created_at < timedelta(days=3.01)
    assert str(held.id).startswith(secret.split("_")[1])
    for wrong in ("", "0", "%%%%%%%%", "________", "ffffffff", str(held.id)[:7]):
        with pytest.raises(NotFoundError), database.write(OPERATOR) as conn:
            logins.revoke(conn, wrong)
    with superuser.begin() as conn:
        unguarded(conn, "update gis.credential set expires_at = now() - interval '1 second'")
    assert identify(database, digest_of(secret)) is None
    again = token(database, "someone")
    with database.write(OPERATOR) as conn:
        logins.revoke(conn, again.split("_")[1])
    assert identify(database, digest_of(again)) is None
    for days in (0, 367):
        with pytest.raises(InputError):
            token(database, "someone", days=days)


def test_demonstration_accounts_come_and_go(database: Database) -> None:
    add(database, "staff", "leader", TOWN)
    settle_demo(database, wanted=True)
    settle_demo(database, wanted=True)
    names = [name for name, *_ in DEMO_ACCOUNTS]
    assert [one.name for one in list_demo(database)] == [name for name in names if name != "staff"]
    assert names == ["admin", "leader", "staff", "surveyor", *(f"grid{n}" for n in range(1, 7))]
    assert not any(one.has_password for one in list_demo(database))
    secret = logins.log_in_demo(database, "grid1", title="", replaces=None)
    assert identity(database, secret).scope.areas == ("330482002011001",)
    settle_demo(database, wanted=False)
    assert list_demo(database) == []
    assert identify(database, digest_of(secret)) is None
    with database.read(OPERATOR) as conn:
        # Somebody's own account of such a name is nobody's to delete.
        assert [(one.name, one.role) for one in accounts.list_accounts(conn)] == [("staff", "leader")]
