"""A commit against data that moved on: each field merged, nobody overwritten; against a second reckoning in Python."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.database import Database
from gis_service.features.staging import Staging
from gis_service.features.write import delete_feature, encode_geometry, put_features
from gis_service.scope import Scope, enter
from gis_service.surveys.proposal_rows import Kept, keep_rows
from gis_service.surveys.recall import WRITABLE, Conflict, recall
from layers.catalog.building import Building
from layers.registry import LAYERS

LAYER = LAYERS["building"]
FIELDS = ("code", "name", "floors")
CODES = [f"H{number}" for number in range(8)]


@dataclass(frozen=True)
class House:
    """What a test knows of a building: its two fields, and where it stands (a whole number of steps)."""

    name: str | None
    floors: int | None
    place: int


State = dict[str, House]


def box(place: int) -> shapely.Polygon:
    west = 120.992 + place * 0.0005
    return shapely.box(west, 30.7, west + 0.0004, 30.7004)


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    assert area
    with database.write(staff) as found:
        yield found
        found.rollback()


def store(conn: Connection, community: str, houses: State) -> None:
    put_features(
        conn, LAYER, community,
        [(Building(code=code, name=one.name, floors=one.floors), box(one.place)) for code, one in houses.items()],
    )  # fmt: skip


def stored(conn: Connection, community: str) -> State:
    rows = conn.execute(
        text("select code, name, floors, st_xmin(geom) as west from gis.building where community = :c"),
        {"c": community},
    )
    return {row.code: House(row.name, row.floors, round((row.west - 120.992) / 0.0005)) for row in rows}


def propose_kept(conn: Connection, community: str, houses: State, grid: str | None = None) -> tuple[Kept, Staging]:
    """Keep a proposal as the desk does once a file is read."""
    kept = Kept(community, uuid.uuid4())
    conn.execute(
        text(
            "insert into gis.proposal (community, id, key, state, layer, mode, file_name, sha256, bytes, source)"
            " values (:community, :proposal, :proposal, 'proposed', 'building', 'upsert', 'a.csv', '', 0, 'surveyed')"
        ),
        kept.named,
    )
    staging = Staging(LAYER, community, tuple(LAYER.field(name) for name in FIELDS))
    staging.create(conn)
    rows = [
        (number, (code, one.name, one.floors), encode_geometry(box(one.place), LAYER))
        for number, (code, one) in enumerate(houses.items(), start=1)
    ]
    staging.fill(conn, rows)
    staging.compare(conn)
    if grid is not None:
        staging.find_removed(conn, grid)
    keep_rows(conn, kept, staging, {}, (), ())
    return kept, staging


def commit(conn: Connection, kept: Kept, staging: Staging) -> list[Conflict]:
    conflicts = recall(conn, kept, staging, steps=WRITABLE)
    staging.merge(conn)
    return conflicts


def expected(before: State, file: State, now: State) -> tuple[State, dict[int, set[str]]]:
    """Reckon what a commit leaves, field by field, and which rows clash over what."""
    after = dict(now)
    clashes: dict[int, set[str]] = {}
    for row, (code, mine) in enumerate(file.items(), start=1):
        base, here = before.get(code), now.get(code)
        if base is None:
            if here is None:
                after[code] = mine
            elif here != mine:
                clashes[row] = set()
        elif mine == base:
            continue
        elif here is None:
            clashes[row] = set()
        else:
            merged = here
            for name in ("name", "floors", "place"):
                old, new, present = (getattr(one, name) for one in (base, mine, here))
                if present == old:
                    merged = replace(merged, **{name: new})
                elif new not in {old, present}:
                    clashes.setdefault(row, set()).add("geom" if name == "place" else name)
            after[code] = merged
    return after, clashes


def random_state(generator: random.Random, codes: list[str]) -> State:
    return {
        code: House(generator.choice([None, "甲", "乙"]), generator.choice([None, 1, 2]), generator.randrange(3))
        for code in codes
    }


def check_merge(conn: Connection, scope: Scope, community: str, seed: int) -> None:
    generator = random.Random(seed)
    point = conn.begin_nested()
    before = random_state(generator, generator.sample(CODES, 5))
    store(conn, community, before)
    file = random_state(generator, generator.sample(CODES, 6))
    kept, staging = propose_kept(conn, community, file)
    for code in generator.sample(list(before), generator.randrange(2)):
        delete_feature(conn, LAYER, community, code)
    left = [code for code in CODES if code in stored(conn, community)]
    added = [code for code in CODES if code not in before]
    store(conn, community, random_state(generator, generator.sample(left, 3)))
    store(conn, community, random_state(generator, generator.sample(added, generator.randrange(2))))
    now = stored(conn, community)
    enter(conn, scope, str(kept.proposal))
    conflicts = commit(conn, kept, staging)
    after, clashes = expected(before, file, now)
    assert stored(conn, community) == after, seed
    assert {one.row: set(one.fields) for one in conflicts} == clashes, seed
    point.rollback()


def test_random_changes_before_a_commit_are_merged(conn: Connection, staff: Scope, area: str) -> None:
    for seed in range(25):
        check_merge(conn, staff, area, seed)


@pytest.mark.long
def test_many_random_changes_before_a_commit_are_merged(conn: Connection, staff: Scope, area: str) -> None:
    for seed in range(25, 500):
        check_merge(conn, staff, area, seed)


def test_what_would_be_removed_stays_when_it_was_edited_since(conn: Connection, area: str) -> None:
    grid = f"{area}001"
    conn.execute(
        text(
            "insert into gis.grid (community, code, name, level, geom) values (:c, :g, '一', 'governance',"
            " st_multi(st_makeenvelope(120.99, 30.69, 121.01, 30.71, 4490)))"
        ),
        {"c": area, "g": grid},
    )
    store(conn, area, {"A": House("甲", 1, 0), "B": House("乙", 1, 2), "C": House("丙", 1, 4)})
    kept, staging = propose_kept(conn, area, {"A": House("甲", 2, 0)}, grid)
    store(conn, area, {"B": House("乙", 9, 2)})
    conflicts = commit(conn, kept, staging)
    assert stored(conn, area) == {"A": House("甲", 2, 0), "B": House("乙", 9, 2)}
    assert [one.row < 0 and "B" in one.message for one in conflicts] == [True]


def test_rows_left_out_or_written_do_not_come_back(conn: Connection, area: str) -> None:
    kept, staging = propose_kept(conn, area, {"A": House("甲", 1, 0), "B": House("乙", 1, 2), "C": House("丙", 1, 4)})
    conn.execute(text("update gis.proposal_row set left_out = '不要' where row = 1"))
    conn.execute(text("update gis.proposal_row set written = gen_random_uuid() where row = 2"))
    assert commit(conn, kept, staging) == []
    assert set(stored(conn, area)) == {"C"}
