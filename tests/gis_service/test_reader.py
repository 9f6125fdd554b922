"""The quick way to ask: whose rows come back, what can't be changed, and what is said when the database is busy."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import ConnStatus
from sqlalchemy import Engine, Integer, Text, bindparam, literal_column, select, text

from gis_service import pipeline, reader
from gis_service.database import Database, prepare
from gis_service.errors import InputError, UnavailableError
from gis_service.features.nearby import nearby_of
from gis_service.features.question import Question
from gis_service.features.read import one_feature, page_of_features
from gis_service.features.tiles import tile_of
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from gis_service.statement import Asked, Statement, compile_statement
from layers.registry import LAYERS
from tests.asking import Asking, feature, features_of, page
from tests.gis_service.example_rows import example_record, example_shape

pytestmark = pytest.mark.alone

RENTALS = LAYERS["rental_unit"]
COMMUNITIES = ("330482002099", "330482002098", "330483001001")
WEST = COMMUNITIES[0] + "001"
SCOPES = [(WEST,), (COMMUNITIES[0],), (COMMUNITIES[1], COMMUNITIES[2]), ("330482",), ()]
NOBODY = Scope("nobody", "none", ())
Open = Callable[[], Asking]


def asks(sql: str, *, kept: bool = False, **values: object) -> Asked:
    """Return a question in plain SQL."""
    return compile_statement(text(sql), kept=kept), values


SEEN = asks("select community, grid, count(*) from gis.rental_unit group by 1, 2")
SCOPE = asks("select current_setting('gis.scope'), current_setting('gis.actor')", kept=True)


@pytest.fixture
def opened(cluster: LocalCluster, database_name: str) -> Iterator[Open]:
    """A function that opens one more reader of the module's database, with the limits that hold just then."""
    made: list[Asking] = []

    def make() -> Asking:
        made.append(Asking(cluster.url("gis_app", database_name)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def single(monkeypatch: pytest.MonkeyPatch, opened: Open) -> Asking:
    """A reader with one connection: whatever a request leaves behind, the next one meets."""
    monkeypatch.setattr(reader, "POOL_SIZE", 1)
    return opened()


@pytest.fixture(scope="module", autouse=True)
def rows(database: Database) -> None:
    """Rental units in three communities, in two grids of the first."""
    place = {code: 121.0 + 0.1 * number for number, code in enumerate(COMMUNITIES)}
    with database.write(Scope("test", "staff", ("330482", "330483"))) as conn:
        for code, lon in place.items():
            conn.execute(
                text("insert into gis.area (code, name, metric_srid) values (:code, '社区', 4549)"), {"code": code}
            )
            for number in (1, 2):
                grid, layer = f"{code}{number:03d}", LAYERS["grid"]
                half = example_shape(layer, lon + 0.01 * (number - 1), 30.7, 0.01)
                put_features(conn, layer, code, [(example_record(layer, code=grid, level="governance"), half)])
            units = [
                (example_record(RENTALS, code=f"{code}-{n}"), example_shape(RENTALS, lon + 0.002 * n + 1e-3, 30.705))
                for n in range(9)
            ]
            put_features(conn, RENTALS, code, units)


def visible(codes: tuple[str, ...]) -> Counter[tuple[str, str]]:
    """Return how many rental units a scope sees by community and grid: five in each first grid, four in the second."""
    units = {(code, f"{code}{grid:03d}"): 6 - grid for code in COMMUNITIES for grid in (1, 2)}
    return Counter({key: count for key, count in units.items() if any(key[1].startswith(code) for code in codes)})


def counted(rows: list[tuple[bytes, bytes, int]]) -> Counter[tuple[str, str]]:
    return Counter({(community.decode(), grid.decode()): count for community, grid, count in rows})


def test_a_thousand_interleaved_requests_see_their_own_rows_only(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setattr(reader, "POOL_SIZE", 2)
    monkeypatch.setattr(reader, "POOL_QUEUE", 1000)
    monkeypatch.setattr(reader, "POOL_WAIT_S", 60.0)
    ask, chance = opened(), random.Random(7)
    fails = asks("select 1 / :zero ::int", kept=True, zero=0)
    outcomes: Counter[str] = Counter()

    async def one(number: int) -> None:
        scope = Scope(f"actor{number}", "staff", SCOPES[number % len(SCOPES)])
        mine = visible(scope.areas)
        asked = [SCOPE, SEEN, page_of_features(RENTALS, scope, Question(), limit=100),
                 tile_of(RENTALS, scope, Question(), zoom=8, row=105, column=214)]  # fmt: skip
        kind = chance.choice(["whole"] * 8 + ["stopped", "failed"])
        if kind == "failed":
            with pytest.raises(InputError):
                await ask.reader.ask(scope, *asked, fails, SCOPE)
        elif kind == "stopped":
            running = asyncio.ensure_future(ask.reader.ask(scope, *asked, asks("select pg_sleep(0.2)")))
            await asyncio.sleep(chance.uniform(0, 0.1))
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        else:
            said, seen, paged, tile = await ask.reader.ask(scope, *asked)
            assert said == [(",".join(scope.areas).encode(), scope.actor.encode())]
            assert counted(seen) == mine
            assert paged[0][1:3] == (mine.total(), mine.total())
            held = bytes(tile[0][0] or b"")
            assert {code for code in COMMUNITIES if code.encode() in held} == {code for code, _ in mine}
        outcomes[kind] += 1

    async def everyone() -> None:
        await asyncio.gather(*(one(number) for number in range(1000)))

    ask.wait(everyone())
    assert outcomes.total() == 1000
    assert min(outcomes.values()) > 50


def test_a_scope_ends_with_its_message(single: Asking) -> None:
    everything = Scope("boss", "staff", ("330482", "330483"))
    process = asks("select pg_backend_pid()")
    for _ in range(3):
        (((first,),), seen) = single(everything, process, SEEN)
        assert counted(seen) == visible(everything.areas)
        for scope in (NOBODY, Scope("x", "staff", ("110101",))):
            (((second,),), nothing, said) = single(scope, process, SEEN, SCOPE)
            assert (second, nothing) == (first, [])
            assert said == [(",".join(scope.areas).encode(), scope.actor.encode())]


def test_a_scope_that_was_set_for_the_session_helps_nobody(single: Asking) -> None:
    stolen = "select set_config('gis.scope', '330482', false), set_config('gis.communities', '330482002099', false)"
    single(NOBODY, asks(stolen))
    assert single(NOBODY, SEEN, SCOPE) == [[], [(b"", b"nobody")]]
    mine = Scope("worker", "worker", (WEST,))
    assert counted(single(mine, SEEN)[0]) == visible(mine.areas)


@pytest.mark.parametrize("sql", [
    "insert into gis.rental_unit (community) values ('330482002099')", "update gis.rental_unit set remark = 'x'",
    "delete from gis.rental_unit", "create table gis.mine (i int)", "set transaction read write",
    "select * from gis.rental_unit for update", "truncate gis.rental_unit", "refresh materialized view gis.none",
])  # fmt: skip
def test_nothing_is_written(single: Asking, database: Database, sql: str) -> None:
    everything = Scope("boss", "staff", ("330482", "330483"))
    before = single(everything, SEEN)
    with pytest.raises(psycopg.Error) as error:
        single(everything, asks(sql), asks("select 1"))
    assert not isinstance(error.value, psycopg.OperationalError), error.value
    assert single(everything, SEEN) == before
    with database.read(everything) as conn:
        assert conn.execute(text("select count(*) from gis.rental_unit where remark = 'x'")).scalar_one() == 0


def test_a_question_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setattr(reader, "POOL_SIZE", 1)
    assert "statement_timeout=5000" in reader._SESSION
    quick = reader._SESSION.replace("statement_timeout=5000", "statement_timeout=300")
    monkeypatch.setattr(reader, "_SESSION", quick)
    ask, after = opened(), asks("select 42", kept=True)
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="太久"):
        ask(NOBODY, asks("select pg_sleep(20)", kept=True), after)
    assert 0.25 < time.monotonic() - begun < 10
    # What stood behind it in the message was noted as kept, but never came to be.
    assert ask(NOBODY, after, after) == [[(42,)]] * 2
    assert ask(NOBODY, after) == [[(42,)]]


def test_a_full_pool_is_said_within_the_wait(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setattr(reader, "POOL_SIZE", 2)
    monkeypatch.setattr(reader, "POOL_WAIT_S", 1.6)
    monkeypatch.setattr(reader, "POOL_QUEUE", 5)
    ask, sleep = opened(), asks("select pg_sleep(3.2)")
    ask(NOBODY, asks("select 1"))

    async def flood() -> list[tuple[float, bool]]:
        async def one() -> tuple[float, bool]:
            begun = time.monotonic()
            try:
                await ask.reader.ask(NOBODY, sleep)
            except UnavailableError:
                return time.monotonic() - begun, False
            return time.monotonic() - begun, True

        return await asyncio.gather(*(one() for _ in range(20)))

    outcomes = ask.wait(flood())
    refused = sorted(seconds for seconds, answered in outcomes if not answered)
    assert len(refused) == 18
    # Those that found no room in the queue are told at once, the others when they have waited. The one for whom the
    # second connection is opened may stand in the queue for it.
    assert sum(seconds < 0.8 for seconds in refused) in {13, 14}
    assert 1.6 <= refused[-1] < 3.2
    assert ask(NOBODY, asks("select 1")) == [[(1,)]]


LITERAL = [
    "'", "''", "\\", "\\'", "';drop table gis.rental_unit;--", "%", "%s", "%%", "%(areas)s", "$1", "$2::text", "$$x$$",
    ":code", "{", "a;b", "/*", "--", '"', "\x01\x7f", "\ufeff\u202e", "网格𠮷é", "E'\\x41'", "\r\n\t", "N'x", "\\x00",
    "' || pg_sleep(9) || '", "' union select 1--", "x" * 50_000,
]  # fmt: skip


@pytest.mark.parametrize("value", LITERAL, ids=range(len(LITERAL)))
def test_every_text_is_a_literal(ask: Asking, value: str) -> None:
    code, number = bindparam("code", type_=Text), bindparam("number", type_=Integer)
    query = select(number, code, code + literal_column("'%s %%'"), number)
    for kept in (False, True):
        asked = (compile_statement(query, kept=kept), {"code": value, "number": -1})
        said = value.encode()
        assert ask(NOBODY, asked, asked) == [[(-1, said, said + b"%s %%", -1)]] * 2
    # The actor is written into the transaction's settings.
    assert ask(Scope(value, "staff", ()), SCOPE) == [[(b"", value.encode())]]


@pytest.mark.parametrize("kept", [True, False])
def test_messages_and_answers_are_larger_than_any_buffer(single: Asking, *, kept: bool) -> None:
    value = "网" * 2_000_000
    asked = asks("select repeat(:value ::text, 3), length(:value ::text), :value ::bytea", kept=kept, value=value)
    ((whole, length, held),) = single(NOBODY, asked)[0]
    assert (whole, length, held) == (value.encode() * 3, 2_000_000, value.encode())

    async def given_up() -> None:
        running = asyncio.ensure_future(single.reader.ask(NOBODY, asked))
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    # Given up while it is being sent, or received.
    for _ in range(5):
        single.wait(given_up())
        assert single(NOBODY, asks("select 42", kept=kept)) == [[(42,)]]


def test_a_literal_is_found_as_it_is_stored(ask: Asking, database: Database) -> None:
    community, layer = COMMUNITIES[0], LAYERS["facility"]
    staff = Scope("test", "staff", (community,))
    codes = [value for value in LITERAL if value.isprintable() and len(value) < 64 and value.strip() == value]
    assert len(codes) > 18
    with database.write(staff) as conn:
        put_features(
            conn, layer, community, [(example_record(layer, code=code), example_shape(layer)) for code in codes]
        )
    for code in codes:
        asked = Question(equals={"code": code})
        (found,) = features_of(page(ask, layer, staff, asked, limit=9))
        assert found["properties"]["code"] == code
        assert json.loads(feature(ask, layer, staff, f"{community}.{code}")) == found
    assert page(ask, layer, staff, Question(equals={"code": "' or true --"}), limit=9).matched == 0


def test_more_shapes_than_are_kept(single: Asking) -> None:
    shapes = [asks(f"select :value ::text as shape{number}", kept=True, value=f"v{number}") for number in range(600)]
    held = asks("select count(*) from pg_prepared_statements")
    most = 0
    for round_ in range(2):
        for number, shape in enumerate(shapes):
            answers = single(NOBODY, shape, held)
            assert answers[0] == [(f"v{number}".encode(),)], round_
            most = max(most, answers[1][0][0])
    assert 200 < most <= pipeline.KEPT
    both = single(NOBODY, *shapes[:400])
    assert [rows[0][0] for rows in both] == [f"v{number}".encode() for number in range(400)]
    assert single(NOBODY, shapes[7]) == [[(b"v7",)]]
    assert single(NOBODY, held)[0][0][0] <= pipeline.KEPT


def test_statements_that_were_forgotten_behind_its_back_are_made_again(single: Asking) -> None:
    scope = Scope("test", "staff", (COMMUNITIES[0],))
    asked = [nearby_of(RENTALS, scope, Question(), lon=121.0, lat=30.7, radius_m=None, limit=3), SCOPE,
             one_feature(RENTALS, scope, f"{COMMUNITIES[0]}.{COMMUNITIES[0]}-1", Question())]  # fmt: skip
    first = single(scope, *asked)
    assert all(first)
    held = asks("select count(*) from pg_prepared_statements")
    for _ in range(3):
        single(scope, asks("deallocate all"))
        assert single(scope, *asked) == first
        assert single(scope, *asked) == first
        assert single(scope, held) == [[(4,)]]
    # Someone else's statement has the name: a pooler in between gave another session.
    single(scope, asks("deallocate all"))
    name = SCOPE[0].name
    single(scope, (Statement(f"prepare {name} as select 1", (), {}, kept=False), {}))
    assert single(scope, *asked) == first
    assert single(scope, *asked) == first


def test_a_message_that_fails_half_way_spoils_nothing(single: Asking) -> None:
    fails, after = asks("select 1 / :zero ::int", kept=True, zero=0), asks("select 'after'", kept=True)
    for _ in range(2):
        with pytest.raises(InputError):
            single(NOBODY, SCOPE, fails, after)
        assert single(NOBODY, after, SCOPE) == [[(b"after",)], [(b"", b"nobody")]]
    assert single(NOBODY, (fails[0], {"zero": 1}), after) == [[(1,)], [(b"after",)]]


def test_connections_that_were_cut_are_replaced(single: Asking, admin: Engine) -> None:
    ask = single
    (((first,),),) = ask(NOBODY, asks("select pg_backend_pid()"))
    with admin.connect() as conn:
        assert conn.execute(text("select pg_terminate_backend(:process, 5000)"), {"process": first}).scalar_one()
    (((second,),),) = ask(NOBODY, asks("select pg_backend_pid()"))
    assert second != first


def test_a_connection_that_is_cut_while_nobody_asks_is_let_go(single: Asking, admin: Engine) -> None:
    (((first,),),) = single(NOBODY, asks("select pg_backend_pid()"))
    (conn,) = single.reader._pool._pool
    with admin.connect() as other:
        assert other.execute(text("select pg_terminate_backend(:process, 5000)"), {"process": first}).scalar_one()

    async def let_go() -> bool:
        async with asyncio.timeout(20):
            while conn.pgconn.status == ConnStatus.OK:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)
        return conn.watch is not None and conn.watch.stopped

    # The next one who connects may get the number of its socket.
    assert single.wait(let_go())
    assert single(NOBODY, asks("select 42")) == [[(42,)]]


def test_connections_that_the_pool_looks_after_are_listened_to_again(single: Asking) -> None:
    for number in range(3):
        assert single(NOBODY, asks("select :number ::int", number=number)) == [[(number,)]]
        single.wait(single.reader._pool.check())


@pytest.fixture
def own_cluster() -> Iterator[LocalCluster]:
    """A cluster of the test's own, which it may stop."""
    folder = Path(tempfile.mkdtemp(prefix="gis-reader-"))
    folder.chmod(0o755)
    found = LocalCluster(folder / "data", fast=True)
    found.start()
    prepare(found.url("postgres", "postgres"), found.passwords, "gis")
    yield found
    found.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.long
def test_a_restart_under_load_is_survived(own_cluster: LocalCluster) -> None:
    ask = Asking(own_cluster.url("gis_app", "gis"))
    outcomes: list[tuple[float, type[BaseException] | None]] = []
    done = threading.Event()

    async def keep_asking(number: int) -> None:
        scope = Scope(f"actor{number}", "staff", (COMMUNITIES[0],))
        while not done.is_set():
            try:
                assert await ask.reader.ask(scope, SCOPE) == [[(COMMUNITIES[0].encode(), scope.actor.encode())]]
                outcomes.append((time.monotonic(), None))
            except Exception as error:  # noqa: BLE001
                outcomes.append((time.monotonic(), type(error)))
            await asyncio.sleep(0.005)

    async def load() -> None:
        await asyncio.gather(*(keep_asking(number) for number in range(16)))

    loaded = threading.Thread(target=lambda: ask.wait(load()))
    loaded.start()
    time.sleep(1)
    own_cluster.stop()
    time.sleep(3)
    own_cluster.start()
    back = time.monotonic()
    time.sleep(12)
    done.set()
    loaded.join(timeout=20)
    ask.close()
    assert {kind for _, kind in outcomes} == {None, UnavailableError}
    last_failure = max(at for at, kind in outcomes if kind)
    first_answer = min(at for at, kind in outcomes if kind is None and at > back)
    assert first_answer - back < 10
    assert last_failure - back < 10
    assert sum(kind is None and at > back + 10 for at, kind in outcomes) > 100
