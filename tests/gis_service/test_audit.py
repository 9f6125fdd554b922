"""The audit: every write leaves a link that the application can't change, and whoever bends the chain is found."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from gis_service.areas import create_area
from gis_service.database import Database, connect, open_engine, prepare
from gis_service.erasure.receipt import Grounds, erase
from gis_service.erasure.values import values_of
from gis_service.errors import InputError
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate, migrate_to
from gis_service.people import accounts, logins
from gis_service.people.audit import Anchors, Link, lines_of, list_audit, verify
from gis_service.scope import Grant, Scope
from layers.registry import LAYERS
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import driver_of, example_record, example_shape

OPERATOR = Scope("operator", "operator", ())
OTHER = "330482002098"
NUMBERS = itertools.count(1)


@pytest.fixture
def town(make_database: Callable[..., str], cluster: LocalCluster) -> Iterator[tuple[Database, Engine]]:
    """A database with a community and some writes, and the superuser's engine on it."""
    name = make_database()
    database = connect(cluster.url("gis_app", name))
    superuser = open_engine(cluster.url("postgres", name))
    with database.write(Scope("zhang", "staff", (TEST_COMMUNITY, OTHER))) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        create_area(conn, OTHER, "另一个社区", TEST_BOUNDARY)
    for _ in range(5):
        add_point(database, "li")
    with database.write(OPERATOR) as conn:
        accounts.add_account(conn, "wang", "staff", [TEST_COMMUNITY])
    yield database, superuser
    database.close()
    superuser.dispose()


def add_point(database: Database, actor: str, community: str = TEST_COMMUNITY, count: int = 1) -> None:
    layer = LAYERS["waste_point"]
    with database.write(Scope(actor, "staff", (community,))) as conn:
        rows = [
            (example_record(layer, code=f"P{next(NUMBERS)}"), example_shape(layer, 121.0, 30.7)) for _ in range(count)
        ]
        put_features(conn, layer, community, rows)


def links_of(database: Database, **asked: Any) -> list[Link]:
    with database.read(OPERATOR) as conn:
        return list_audit(conn, limit=1000, **asked)


def checked(database: Database, anchors: list[dict[str, Any]] | None = None) -> list[str]:
    with database.read(OPERATOR) as conn:
        _, findings = verify(conn, anchors or [])
    return [f"{one.area} {one.position} {one.said}" for one in findings]


def bend(superuser: Engine, *statements: str) -> None:
    with superuser.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


def test_each_transaction_is_one_link_that_says_who_did_what(town: tuple[Database, Engine]) -> None:
    database, _ = town
    before = len(links_of(database))
    add_point(database, "chen", count=3)
    found = links_of(database)
    assert len(found) == before + 1
    last = found[0]
    assert (last.actor, last.role, last.area) == ("chen", "staff", TEST_COMMUNITY)
    # The grid is settled by a statement of its own only where there is one.
    assert [(one["subject"], one["operation"], one["rows"]) for one in last.entries] == [("waste_point", "insert", 3)]
    # Several statements of one kind are one line, with all of their rows.
    with database.write(Scope("chen", "staff", (TEST_COMMUNITY,))) as conn:
        for code in ("P1", "P2"):
            conn.execute(text(f"update gis.waste_point set remark = 'y' where code like '{code}%'"))
    (entry,) = links_of(database)[0].entries
    with database.read(Scope("chen", "staff", (TEST_COMMUNITY,))) as conn:
        changed = conn.execute(text("select count(*) from gis.waste_point where remark = 'y'")).scalar_one()
    assert (entry["operation"], entry["rows"]) == ("update", changed)
    assert changed > 1
    with database.write(Scope("chen", "staff", (TEST_COMMUNITY,))) as conn:
        conn.execute(text("update gis.waste_point set remark = 'x'"))
        conn.execute(text("delete from gis.waste_point where code like 'P%1'"))
        conn.execute(text("update gis.road set remark = 'nothing there'"))
    said = {(line["subject"], line["operation"]): line["rows"] for line in lines_of(links_of(database)[:1])}
    assert said[("waste_point", "update")] == 8
    assert set(said) == {("waste_point", "update"), ("waste_point", "delete")}


def test_what_is_rolled_back_leaves_nothing(town: tuple[Database, Engine]) -> None:
    database, _ = town
    before = links_of(database)
    with pytest.raises(ProgrammingError), database.write(Scope("chen", "staff", (TEST_COMMUNITY,))) as conn:
        conn.execute(text("delete from gis.waste_point; delete from gis.no_such_table"))
    with database.read(OPERATOR) as conn:
        conn.execute(text("select * from gis.waste_point"))
    assert links_of(database) == before


def test_two_communities_in_one_transaction_are_two_chains(town: tuple[Database, Engine]) -> None:
    database, _ = town
    layer = LAYERS["waste_point"]
    with database.write(Scope("chen", "staff", (TEST_COMMUNITY, OTHER))) as conn:
        for community in (OTHER, TEST_COMMUNITY):
            put_features(conn, layer, community, [(example_record(layer), example_shape(layer, 121.0, 30.7))])
    assert {one.area for one in links_of(database)[:2]} == {TEST_COMMUNITY, OTHER}
    assert checked(database) == []


def test_what_happens_to_people_is_told_and_their_secrets_are_not(town: tuple[Database, Engine]) -> None:
    database, superuser = town
    with database.write(OPERATOR) as conn:
        accounts.add_account(conn, "grid", "grid_worker", [f"{TEST_COMMUNITY}001"])
        accounts.set_password(conn, "wang", "a long enough password", "operator")
        token = logins.make_token(conn, "wang", "QGIS", 1)
    secret = logins.log_in(database, "wang", "a long enough password", address="", title="", replaces=None)
    mine = logins.identify(database, logins.digest_of(secret))
    assert mine is not None
    with database.write(mine.scope) as conn:
        logins.view_as(conn, mine.credential, "grid")
    with database.write(OPERATOR) as conn:
        accounts.end_area(conn, "grid", f"{TEST_COMMUNITY}001")
        accounts.set_active(conn, "wang", active=False)
    said = [
        (line["actor"], line["area"], line["subject"], line["operation"], line["key"], line["detail"])
        for line in lines_of(links_of(database))
    ]  # fmt: skip
    for expected in (
        ("operator", TEST_COMMUNITY, "account", "insert", "grid", "grid_worker"),
        ("operator", TEST_COMMUNITY, "credential", "insert", "wang", "令牌"),
        ("wang", TEST_COMMUNITY, "credential", "insert", "wang", "登录"),
        ("wang", TEST_COMMUNITY, "credential", "update", "wang", "以 grid 的身份查看"),
        ("operator", TEST_COMMUNITY, "account", "update", "wang", "staff 停用 口令由 operator 设置"),
    ):
        assert expected in said
    whole = str(links_of(database))
    for word in (token, secret, "a long enough password", logins.digest_of(token), "argon2"):
        assert word not in whole
    # That a login was used isn't a write of anybody's.
    before = len(links_of(database))
    bend(superuser, "update gis.credential set used_at = now() - interval '1 minute'")
    assert len(links_of(database)) == before


WRONGS = [
    "insert into gis.audit (area, position, at, actor, role, entries, digest)"
    " values ('x', 1, now(), 'x', 'x', '[]', 'x')",
    "update gis.audit set actor = 'somebody else'",
    "delete from gis.audit",
    "truncate gis.audit",
    "update gis.audit_head set position = 0",
    "delete from gis.audit_head",
    "insert into gis.touch values ('1', 'x', 'road', 'insert', '', '', 1, true)",
    "select * from gis.touch",
    "alter table gis.audit disable trigger all",
    "drop table gis.audit",
]  # fmt: skip


@pytest.mark.parametrize("statement", WRONGS)
@pytest.mark.parametrize("role", ["operator", "admin", "staff"])
def test_the_application_cannot_change_the_audit(town: tuple[Database, Engine], statement: str, role: str) -> None:
    database, _ = town
    with pytest.raises(ProgrammingError) as error, database.write(Scope("x", role, ("330482",))) as conn:
        conn.execute(text(statement))
    assert isinstance(error.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("function", ["note_write", "write_history", "count_versions", "note_viewing", "mark_demo"])
def test_no_function_of_the_owner_goes_onto_a_table_of_ones_own(town: tuple[Database, Engine], function: str) -> None:
    statement = (
        "create temp table own (a int); create trigger t after insert on own for each row"
        f" execute function gis.{function}('a', 'b', 'c; delete from gis.audit')"
    )
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function"),
        town[0].write(Scope("x", "staff", (TEST_COMMUNITY,))) as conn,
    ):
        driver_of(conn).execute(statement)


def test_whoever_checks_sees_their_own_areas_only(town: tuple[Database, Engine]) -> None:
    database, _ = town
    add_point(database, "chen", OTHER)

    def areas(role: str, *managed: str, scope: tuple[str, ...] = ()) -> set[str]:
        # A scope that names no credential is what the service itself makes; managed areas come with a grant only.
        with database.writer.begin() as conn:
            settings = {"gis.role": role, "gis.managed": ",".join(managed), "gis.scope": ",".join(scope)}
            for name, value in settings.items():
                conn.execute(text("select set_config(:name, :value, true)"), {"name": name, "value": value})
            return set(conn.execute(text("select area from gis.audit")).scalars())

    for role in ("auditor", "admin"):
        assert areas(role, TEST_COMMUNITY) == {TEST_COMMUNITY}
        assert areas(role, OTHER) == {OTHER}
        assert areas(role, "330482") == {TEST_COMMUNITY, OTHER}
        assert areas(role) == set()
    for role in ("staff", "leader", "grid_worker", "liaison", ""):
        assert areas(role, TEST_COMMUNITY, scope=(TEST_COMMUNITY,)) == set()
    assert Grant("x").managed == ()


def forgeries() -> dict[str, tuple[list[str], str]]:
    here = f"area = '{TEST_COMMUNITY}'"
    relinked = (
        "update gis.audit a set digest ="
        f" gis.audit_digest(previous, area, position, at, actor, role, upload, entries, salt) where {here}"
    )
    third = f"where {here} and position = 3"
    return {
        "another actor": ([f"update gis.audit set actor = 'nobody' {third}"], "摘要不符"),
        "another moment": ([f"update gis.audit set at = at - interval '1 day' {third}"], "摘要不符"),
        "fewer rows": (
            [f"update gis.audit set entries = jsonb_set(entries, '{{0,rows}}', '0') {third}"],
            "摘要不符",
        ),
        "edited and reckoned anew": (
            [f"update gis.audit set actor = 'nobody' {third}", relinked], "与前一条接不上",
        ),
        "edited, reckoned anew and linked anew": (
            [f"update gis.audit set actor = 'nobody' {third}",
             "update gis.audit a set digest ="
             f" gis.audit_digest(previous, area, position, at, actor, role, upload, entries, salt) {third}",
             "update gis.audit n set previous = (select digest from gis.audit a where a.area = n.area"
             f" and a.position = 3) where {here} and position = 4"], "4 内容被改过",
        ),
        "deleted in the middle": ([f"delete from gis.audit {third}"], "前面有记录被删除"),
        "deleted at the beginning": ([f"delete from gis.audit where {here} and position = 1"], "前面有记录被删除"),
        "deleted and closed up": (
            [f"delete from gis.audit {third}",
             f"update gis.audit set position = position + 1000 where {here} and position > 3",
             f"update gis.audit set position = position - 1001 where {here} and position > 1000"], "摘要不符",
        ),
        "cut off": ([f"delete from gis.audit where {here} and position > 4"], "链的末端被截断"),
        "a whole chain gone": ([f"delete from gis.audit where {here}"], "链的末端被截断"),
        "a head gone": ([f"delete from gis.audit_head where {here}"], "链的末端没有登记"),
        "put in between": (
            ["insert into gis.audit select area, 1000, at, actor, role, upload, entries, previous, digest"
             f" from gis.audit {third}"], "摘要不符",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("forgery", forgeries())
def test_verify_finds_what_was_bent(town: tuple[Database, Engine], forgery: str) -> None:
    database, superuser = town
    assert checked(database) == []
    statements, said = forgeries()[forgery]
    bend(superuser, *statements)
    found = checked(database)
    assert any(said in one for one in found), found


def test_a_chain_that_is_cut_off_with_its_head_is_found_by_the_anchor(
    town: tuple[Database, Engine], tmp_path: Path
) -> None:
    database, superuser = town
    anchors = Anchors(tmp_path / "away" / "anchors.jsonl")
    with database.read(OPERATOR) as conn:
        assert anchors.add(conn) == 2
        assert anchors.add(conn) == 0
    add_point(database, "chen")
    with database.read(OPERATOR) as conn:
        assert anchors.add(conn) == 1
    assert len(anchors.read()) == 3
    assert checked(database, anchors.read()) == []
    bend(
        superuser,
        f"delete from gis.audit where area = '{TEST_COMMUNITY}' and position > 4",
        f"update gis.audit_head h set position = 4, digest = (select digest from gis.audit a where a.area = h.area"
        f" and a.position = 4) where area = '{TEST_COMMUNITY}'",
    )
    assert checked(database) == [], "without an anchor nobody could tell"
    assert all("不见了" in one for one in checked(database, anchors.read()))
    assert len(checked(database, anchors.read())) == 2
    # Whoever goes on writing fills the places again, with other digests.
    for _ in range(8):
        add_point(database, "chen")
    assert len(checked(database, anchors.read())) == 2
    assert all("摘要不同" in one for one in checked(database, anchors.read()))


@pytest.mark.parametrize("content", ["{", '{"at": 1}\n', "[]\n"])
def test_a_damaged_file_of_anchors_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match="坏了"):
        Anchors(path).read()


def test_writers_at_the_same_time_make_one_chain(town: tuple[Database, Engine]) -> None:
    database, _ = town
    before = len(links_of(database))
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: add_point(database, f"w{number % 5}", (TEST_COMMUNITY, OTHER)[number % 2]), range(60)
            )
        )
    assert len(links_of(database)) == before + 60
    assert checked(database) == []


def test_pages_of_the_audit_leave_nothing_out(town: tuple[Database, Engine]) -> None:
    database, _ = town
    whole = links_of(database)
    found: list[Link] = []
    while True:
        last = (found[-1].at, found[-1].area, found[-1].position) if found else None
        with database.read(OPERATOR) as conn:
            page = list_audit(conn, limit=2, after=last)
        if not page:
            break
        found += page
    assert found == whole
    assert {one.actor for one in links_of(database, actor="li")} == {"li"}
    assert links_of(database, until=whole[0].at) == whole[1:]
    assert links_of(database, since=whole[0].at) == whole[:1]


def test_links_written_before_there_was_a_salt_stay_whole_and_can_be_erased(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    prepare(cluster.url("postgres", "postgres"), cluster.passwords, "before_salt")
    owner = open_engine(cluster.url("gis_owner", "before_salt"))
    with owner.begin() as conn:
        conn.execute(text("create schema gis"))
        migrate_to(conn, "0009")
        conn.execute(
            text(f"insert into gis.area (code, name, metric_srid) values ('{TEST_COMMUNITY}', '司马青衫的社区', 4549)")
        )
    with owner.begin() as conn:
        conn.execute(text("update gis.area set name = '社区'"))
    migrate(owner)
    database = connect(cluster.url("gis_app", "before_salt"))
    with database.read(OPERATOR) as conn:
        assert verify(conn, []) == (2, [])
    add_point(database, "li")
    receipt = erase(
        Grounds(owner, None, [tmp_path], (), Anchors(tmp_path / "anchors.jsonl")),
        values_of(["司马青衫"]),
        "本人要求",
        lambda _: None,
    )
    assert [(one.title, one.rows) for one in receipt.found] == [("审计记录的说明", 1)]
    with database.read(OPERATOR) as conn:
        assert verify(conn, []) == (5, [])
    database.close()
    owner.dispose()
