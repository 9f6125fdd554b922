"""Nothing is lost: every write by any door is a version, and ``as_of`` gives back what was there."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import shapely
from sqlalchemy import Engine, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.database import Database, open_engine
from gis_service.errors import InputError, NotFoundError, UnavailableError
from gis_service.features.question import Question, end_of, parse_as_of
from gis_service.features.read import count_features, stream_features
from gis_service.features.write import change_feature, delete_feature, encode_geometry, put_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.registry import LAYERS
from tests.asking import Asking, feature, features_of, page
from tests.gis_service.example_rows import driver_of, example_record, example_shape, example_values, insert_row

POINT = LAYERS["waste_point"]
ROAD = LAYERS["road"]


@pytest.fixture(scope="module")
def owner(cluster: LocalCluster, database_name: str, area: str) -> Iterator[Engine]:
    """The owner's engine of the module's database, in which the test community is registered."""
    assert area
    engine = open_engine(cluster.url("gis_owner", database_name))
    yield engine
    engine.dispose()


def versions(conn: Connection, layer: str, identifier: Any) -> list[tuple[int, str]]:
    """Return (version, operation) of a row, the oldest first."""
    found = conn.execute(
        text(f"select version, operation from gis.{layer}_history where id = :id order by recorded_at, written_at"),
        {"id": identifier},
    )
    return [(version, operation) for version, operation in found]


def assert_whole(conn: Connection, layer_name: str) -> None:
    """Fail unless the history of a layer has no gap, no overlap, and ends in what is stored now."""
    layer = LAYERS[layer_name]
    columns = ", ".join(column.name for column in tables_of(layer).current.columns)
    twin = f"gis.{layer_name}_history"
    different = conn.execute(
        text(
            f"(select {columns} from gis.{layer_name} except select {columns} from {twin}"
            " where recorded_to = 'infinity' and operation <> 'delete') union all"
            f" (select {columns} from {twin} where recorded_to = 'infinity' and operation <> 'delete'"
            f" except select {columns} from gis.{layer_name})"
        )
    ).all()
    assert different == []
    gaps = conn.execute(
        text(
            "select * from (select id, version, operation, recorded_to, recorded_at,"
            "  lead(recorded_at) over w as next_at, lead(operation) over w as next_operation"
            f" from {twin} window w as (partition by community, id order by recorded_at, written_at)) h"
            " where recorded_to is distinct from coalesce(next_at, 'infinity') or recorded_to < recorded_at"
            " or (operation = 'delete') <> (next_operation is not distinct from 'insert') and next_at is not null"
        )
    ).all()
    assert gaps == []


def test_every_door_leads_into_history(database: Database, owner: Engine, staff: Scope, area: str) -> None:
    shape, moved = example_shape(POINT), example_shape(POINT, 121.001)
    with owner.begin() as conn:
        driver = driver_of(conn)
        with (
            driver.cursor() as cursor,
            cursor.copy("copy gis.waste_point (community, code, kind, geom) from stdin") as copy,
        ):
            copy.write_row((area, "COPIED", "timed", encode_geometry(shape, POINT).hex()))
        by_hand = insert_row(driver, POINT, area, shape, **example_values(POINT, code="BY HAND"))
    with owner.begin() as conn:
        conn.execute(text("update gis.waste_point set bins = 3 where code in ('COPIED', 'BY HAND')"))
        conn.execute(text("delete from gis.waste_point where code = 'BY HAND'"))
    record = example_record(POINT, code="PUT")
    with database.write(staff) as conn:
        put_features(conn, POINT, area, [(record, shape)])
    with database.write(staff) as conn:
        put_features(conn, POINT, area, [(record, shape)])
        put_features(conn, POINT, area, [(record, moved)])
        change_feature(conn, POINT, area, "PUT", {"bins": 4})
    with database.write(Scope("someone", "staff", (area,)), upload=str(uuid.UUID(int=7))) as conn:
        delete_feature(conn, POINT, area, "PUT")
    with owner.begin() as conn:
        found = {
            code: [tuple(row) for row in conn.execute(
                text("select version, operation, bins, recorded_by, upload from gis.waste_point_history"
                     " where code = :code order by version"), {"code": code})]
            for code in ("COPIED", "BY HAND", "PUT")
        }  # fmt: skip
        assert found["COPIED"] == [(1, "insert", None, "gis_owner", None), (2, "update", 3, "gis_owner", None)]
        assert [row[:3] for row in found["BY HAND"]] == [(1, "insert", None), (2, "update", 3), (3, "delete", 3)]
        assert found["PUT"] == [
            (1, "insert", None, "test", None),
            (2, "update", None, "test", None),
            (3, "update", 4, "test", None),
            (4, "delete", 4, "someone", uuid.UUID(int=7)),
        ]
        assert versions(conn, "waste_point", by_hand)[-1] == (3, "delete")
        assert_whole(conn, "waste_point")


def test_on_conflict_and_merge_are_doors_too(owner: Engine, area: str) -> None:
    row = f"'{area}', 'UPSERT', 'timed', st_setsrid(st_makepoint(121, 30.7), 4490)"
    with owner.begin() as conn:
        for bins in (1, 2):
            conn.execute(
                text(
                    f"insert into gis.waste_point (community, code, kind, geom, bins) values ({row}, {bins})"
                    " on conflict (community, code) do update set bins = excluded.bins"
                )
            )
        conn.execute(
            text(
                "merge into gis.waste_point t using (values ('UPSERT', 9)) s (code, bins) on t.code = s.code"
                " when matched then update set bins = s.bins"
            )
        )
        found = conn.execute(
            text("select version, bins from gis.waste_point_history where code = 'UPSERT' order by version")
        ).all()
        assert [tuple(row) for row in found] == [(1, 1), (2, 2), (3, 9)]
        assert_whole(conn, "waste_point")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("together", [True, False], ids=["one transaction", "several"])
def test_a_row_that_comes_and_goes_under_one_identifier(
    owner: Engine, area: str, layer: Any, together: bool
) -> None:  # fmt: skip
    identifier, name = uuid.uuid4(), layer.name
    values = example_values(layer)
    if layer.field("code").pattern is not None:
        values["code"] = area + "777"[: layer.field("code").max_length - 12]
    if name == "grid":
        values["level"] = "micro"
    shape = example_shape(layer, 121.1)

    def insert(conn: Connection) -> None:
        insert_row(driver_of(conn), layer, area, shape, **values, id=identifier)

    def change(conn: Connection) -> None:
        conn.execute(text(f"update gis.{name} set remark = 'x' where id = :id"), {"id": identifier})

    def remove(conn: Connection) -> None:
        conn.execute(text(f"delete from gis.{name} where id = :id"), {"id": identifier})

    def code_taken(conn: Connection) -> None:
        conn.execute(text(f"delete from gis.{name} where code = :code"), {"code": values["code"]})

    with owner.begin() as conn:
        code_taken(conn)
    steps: list[Callable[[Connection], None]] = [insert, change, remove, insert, remove, insert, change]
    if together:
        with owner.begin() as conn:
            for step in steps:
                step(conn)
    else:
        for step in steps:
            with owner.begin() as conn:
                step(conn)
    with owner.begin() as conn:
        assert versions(conn, name, identifier) == [
            (1, "insert"), (2, "update"), (3, "delete"), (1, "insert"), (2, "delete"), (1, "insert"), (2, "update"),
        ]  # fmt: skip
        assert_whole(conn, name)
        remove(conn)
        assert_whole(conn, name)


def test_as_of_gives_back_every_recorded_moment(
    database: Database, ask: Asking, owner: Engine, staff: Scope, area: str
) -> None:
    chance = random.Random(7)
    model: dict[str, tuple[int, float]] = {}
    moments: list[tuple[datetime, dict[str, tuple[int, float]]]] = []
    with owner.begin() as conn:
        conn.execute(text("delete from gis.waste_point"))
    for _ in range(30):
        with database.write(staff) as conn:
            for _ in range(chance.randint(1, 6)):
                code = f"W{chance.randint(1, 12)}"
                if code not in model or chance.random() < 0.3:
                    values = (chance.randint(0, 500), round(chance.uniform(120.995, 121.005), 6))
                    shape = shapely.Point(values[1], 30.7)
                    put_features(conn, POINT, area, [(example_record(POINT, code=code, bins=values[0]), shape)])
                    model[code] = values
                elif chance.random() < 0.5:
                    bins = chance.randint(0, 500)
                    change_feature(conn, POINT, area, code, {"bins": bins})
                    model[code] = (bins, model[code][1])
                else:
                    delete_feature(conn, POINT, area, code)
                    del model[code]
        with owner.begin() as conn:
            moments.append((conn.execute(text("select clock_timestamp()")).scalar_one(), dict(model)))
    bbox = (120.998, 30.69, 121.003, 30.71)
    with owner.begin() as conn:
        assert_whole(conn, "waste_point")
    with database.read(staff) as conn:
        for moment, expected in moments:
            question = Question(as_of=moment)
            answer = page(ask, POINT, staff, question, limit=100)
            found = {
                f["properties"]["code"]: (f["properties"]["bins"], f["geometry"]["coordinates"][0])
                for f in features_of(answer)
            }
            assert found == expected
            assert answer.matched == answer.returned == count_features(conn, POINT, staff, question) == len(expected)
            inside = {code for code, (_, lon) in expected.items() if bbox[0] <= lon <= bbox[2]}
            boxed = page(ask, POINT, staff, Question(as_of=moment, bbox=bbox), limit=100)
            assert {f["properties"]["code"] for f in features_of(boxed)} == inside
            streamed = json.loads(b"".join(stream_features(conn, POINT, staff, question)))
            assert {f["properties"]["code"] for f in streamed["features"]} == set(expected)
            for code in ("W1", "W2"):
                if code in expected:
                    one = json.loads(feature(ask, POINT, staff, f"{area}.{code}", question))
                    assert one["properties"]["bins"] == expected[code][0]
                else:
                    with pytest.raises(NotFoundError):
                        feature(ask, POINT, staff, f"{area}.{code}", question)
        before = Question(as_of=datetime(2020, 1, 1, tzinfo=UTC))
        assert count_features(conn, POINT, staff, before) == 0


def test_pages_of_the_past_hold_while_the_present_changes(
    database: Database, ask: Asking, staff: Scope, area: str
) -> None:
    layer = LAYERS["facility"]
    with database.write(staff) as conn:
        conn.execute(text("delete from gis.facility"))
        put_features(conn, layer, area, [(example_record(layer), example_shape(layer)) for _ in range(25)])
    with database.read(staff) as conn:
        moment = conn.execute(text("select clock_timestamp()")).scalar_one()
    token, seen = None, []
    for _ in range(5):
        answer = page(ask, layer, staff, Question(as_of=moment), limit=10, after=token)
        seen += [one["id"] for one in features_of(answer)]
        with database.write(staff) as conn:
            conn.execute(text("delete from gis.facility"))
        if (token := answer.after) is None:
            break
    assert len(seen) == len(set(seen)) == 25


def test_a_day_means_its_end_in_shanghai(database: Database, staff: Scope) -> None:
    assert parse_as_of("2026-11-23") == end_of(date(2026, 11, 23))
    assert end_of(date(2026, 11, 23)) == datetime(2026, 11, 23, 16, tzinfo=UTC) - timedelta(microseconds=1)
    assert parse_as_of("2026-11-23T08:00:00+08:00") == datetime(2026, 11, 23, tzinfo=UTC)
    for wrong in ("2026-11-31", "yesterday", "2026-11-23T08:00:00", ""):
        with pytest.raises(InputError, match="时间"):
            parse_as_of(wrong)
    with database.read(staff) as conn:
        assert conn.execute(select(tables_of(POINT).history.c.recorded_at).limit(1)).scalar_one().tzinfo is not None


def test_writers_at_the_same_time_lose_nothing(database: Database, owner: Engine, staff: Scope, area: str) -> None:
    codes = [f"BOTH{number}" for number in range(5)]
    with database.write(staff) as conn:
        put_features(
            conn, POINT, area, [(example_record(POINT, code=code, bins=0), example_shape(POINT)) for code in codes]
        )
    start = threading.Barrier(4, timeout=20)

    def count_up(_: int) -> None:
        start.wait()
        for _ in range(10):
            with database.write(staff) as conn:
                # One by one: a single UPDATE locks rows in the order in which they lie, which updates change.
                for code in codes:
                    conn.execute(text("update gis.waste_point set bins = bins + 1 where code = :code"), {"code": code})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(4)))
    with owner.begin() as conn:
        rows = conn.execute(text("select id, bins, version from gis.waste_point where code like 'BOTH%'")).all()
        assert {(bins, version) for _, bins, version in rows} == {(40, 41)}
        for identifier, _, _ in rows:
            assert [version for version, _ in versions(conn, "waste_point", identifier)] == list(range(1, 42))
        assert_whole(conn, "waste_point")


def test_layers_written_in_opposite_order_do_not_wait_in_a_circle(
    database: Database, owner: Engine, staff: Scope, area: str
) -> None:
    names = ["road", "building", "green", "water", "estate", "facility", "visit", "parking"]
    start = threading.Barrier(4, timeout=20)

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            order = chance.sample(names, len(names))
            with database.write(staff) as conn:
                for layer in (LAYERS[name] for name in order):
                    shape = example_shape(layer)
                    insert_row(driver_of(conn), layer, area, shape, **example_values(layer))
                # All commit at once: that is when the counters are locked.
                start.wait()

    def counters() -> list[int]:
        with owner.begin() as conn:
            rows = conn.execute(text("select layer, version from gis.layer_version")).all()
        found = {row.layer: int(row.version) for row in rows}
        return [found.get(name, 0) for name in names]

    before = counters()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [after - first for after, first in zip(counters(), before, strict=True)] == [60] * len(names)


def test_a_circle_of_waiting_writers_is_answered_with_a_sentence(database: Database, staff: Scope, area: str) -> None:
    codes = ["LEFT", "RIGHT"]
    with database.write(staff) as conn:
        put_features(conn, POINT, area, [(example_record(POINT, code=code), example_shape(POINT)) for code in codes])
    start = threading.Barrier(2, timeout=20)

    def change(order: list[str]) -> str:
        try:
            with database.write(staff) as conn:
                change_feature(conn, POINT, area, order[0], {"bins": 1})
                start.wait()
                change_feature(conn, POINT, area, order[1], {"bins": 1})
        except UnavailableError as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(change, [codes, codes[::-1]]))
    assert answers[0] == "written"
    assert "有人正在改同样的数据" in answers[1]


@pytest.mark.long
def test_a_hundred_thousand_rows_have_their_history(owner: Engine, area: str) -> None:
    with owner.begin() as conn:
        conn.execute(
            text(
                "insert into gis.facility (community, code, geom) select :area, 'M' || i,"
                " st_setsrid(st_makepoint(120.99 + i * 1e-7, 30.7), 4490) from generate_series(1, 100000) i"
            ),
            {"area": area},
        )
        counted = "select count(*) from gis.facility_history where code like 'M%' and operation = 'insert'"
        assert conn.execute(text(counted)).scalar_one() == 100_000
        conn.rollback()
    with owner.begin() as conn:
        assert conn.execute(text(counted)).scalar_one() == 0


def write_half_of_it(conn: Connection, area: str) -> None:
    put_features(conn, ROAD, area, [(example_record(ROAD, code="HALF"), example_shape(ROAD))])
    conn.execute(text("update gis.road set width_m = -1"))


def test_a_refused_write_leaves_no_trace(database: Database, owner: Engine, staff: Scope, area: str) -> None:
    with pytest.raises(IntegrityError), database.write(staff) as conn:
        write_half_of_it(conn, area)
    with owner.begin() as conn:
        assert conn.execute(text("select count(*) from gis.road_history where code = 'HALF'")).scalar_one() == 0
