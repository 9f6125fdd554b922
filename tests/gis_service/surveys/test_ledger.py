"""Ledgers placed: by code, by the code of a house, by address; nothing at a wrong house, whatever the spelling."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area, read_area
from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.surveys.places.ledger import LedgerRow, Placement, code_from_address, place_rows
from layers.layer import Layer
from layers.registry import LAYERS
from tests.conftest import TEST_COMMUNITY
from tests.gis_service.example_rows import example_record
from tests.gis_service.surveys.spelled_ledger import Spelled, spell

RENTAL, ENTERPRISE, BUILDING = LAYERS["rental_unit"], LAYERS["enterprise"], LAYERS["building"]


@pytest.fixture(scope="module")
def conn(sample: Database, staff: Scope) -> Iterator[Connection]:
    """The sample, for reading."""
    with sample.read(staff) as found:
        yield found


@pytest.fixture(scope="module")
def town(conn: Connection) -> Area:
    """The sample's community."""
    return read_area(conn, COMMUNITY)


@pytest.fixture(scope="module")
def units(conn: Connection) -> Sequence[Any]:
    """Every rental unit: its code, house, address and room."""
    found = conn.execute(text("select code, building_code, address, room from gis.rental_unit order by code")).all()
    assert len(found) == 1400
    return found


def placed(conn: Connection, layer: Layer, area: Area, *rows: Mapping[str, object]) -> list[Placement | None]:
    return place_rows(conn, layer, area, [LedgerRow(number, row) for number, row in enumerate(rows, 1)])


def only(conn: Connection, layer: Layer, area: Area, **values: object) -> Placement:
    (found,) = placed(conn, layer, area, values)
    assert found is not None
    return found


def houses_at(conn: Connection, found: Sequence[Placement | None]) -> list[str | None]:
    """Return the building that covers each placement."""
    rows = conn.execute(
        text(
            "select b.code from unnest(cast(:g as bytea[])) with ordinality as p(geom, n)"
            " left join gis.building b on st_covers(b.geom, st_geomfromewkb(p.geom)) order by n"
        ),
        {"g": [one.geometry if one else None for one in found]},
    )
    return list(rows.scalars())


def wrong(conn: Connection, units: Sequence[Any], spelled: Sequence[Spelled], found: Sequence[Placement | None]) -> Any:
    return [
        (one.text, unit.address, place.said)
        for one, unit, place, at in zip(spelled, units, found, houses_at(conn, found), strict=True)
        if place and (at != unit.building_code or not one.exists or place.code not in {None, unit.code})
    ]


@pytest.mark.parametrize("seed", range(4))
def test_addresses_in_every_spelling_find_their_house(
    conn: Connection, town: Area, units: Sequence[Any], seed: int
) -> None:
    chance = random.Random(seed)
    spelled = [spell(unit.address, chance) for unit in units]
    found = placed(conn, RENTAL, town, *({"address": one.text} for one in spelled))
    assert wrong(conn, units, spelled, found) == []
    assert sum(place is not None for place in found) >= 0.95 * len(units)
    left = [one.text for one, place in zip(spelled, found, strict=True) if place is None and one.kind == "respelled"]
    assert left == []


def test_codes_go_before_addresses_and_contradictions_are_told(
    conn: Connection, town: Area, units: Sequence[Any]
) -> None:
    chance = random.Random(7)
    codes = [unit.code for unit in units]
    chance.shuffle(codes)
    spelled = [spell(unit.address, chance) for unit in units]
    rows = [{"code": code, "address": one.text} for code, one in zip(codes, spelled, strict=True)]
    found = placed(conn, RENTAL, town, *rows)
    assert [place.code if place else None for place in found] == codes
    house_of = {unit.code: unit.building_code for unit in units}
    plain = [
        (code, one, unit, place)
        for code, one, unit, place in zip(codes, spelled, units, found, strict=True)
        if one.kind == "respelled" and place
    ]
    assert all(place.warning for code, _, unit, place in plain if house_of[code] != unit.building_code)
    assert [one.text for code, one, unit, place in plain if code == unit.code and place.warning] == []


def test_true_codes_give_no_warning(conn: Connection, town: Area, units: Sequence[Any]) -> None:
    chance = random.Random(8)
    spelled = [spell(unit.address, chance) for unit in units]
    rows = [{"code": unit.code, "address": one.text} for unit, one in zip(units, spelled, strict=True)]
    found = placed(conn, RENTAL, town, *rows)
    told = [one.text for one, place in zip(spelled, found, strict=True) if place and place.warning]
    assert [one for one in told if one in {s.text for s in spelled if s.kind == "respelled"}] == []
    stored = conn.execute(text("select st_asewkb(geom, 'NDR') from gis.rental_unit order by code")).scalars()
    assert [place.geometry for place in found if place] == [bytes(geometry) for geometry in stored]


def test_a_new_unit_lies_in_its_house(conn: Connection, town: Area, units: Sequence[Any]) -> None:
    by_code = only(conn, RENTAL, town, code="NEW1", building_code=units[0].building_code, address="陆家桥小区2幢999室")
    assert by_code.how == "building_code"
    assert by_code.said == f"按楼栋编码落在楼栋 {units[0].building_code}(陆家桥小区1幢)"
    assert by_code.warning.startswith(
        f"楼栋 {units[0].building_code}(陆家桥小区1幢) 与这一行的地址 陆家桥小区2幢999室 不一致"
    )
    by_address = only(conn, RENTAL, town, code="NEW1", building_code="?", address="陆家桥1栋", room="999")
    assert by_address.how == "address"
    assert by_address.said == f"按地址落在楼栋 {units[0].building_code}(陆家桥小区1幢)"
    assert by_address.code is None
    assert by_address.geometry == by_code.geometry
    assert houses_at(conn, [by_address]) == [units[0].building_code]


def test_a_known_unit_is_recognised_by_house_and_room(conn: Connection, town: Area, units: Sequence[Any]) -> None:
    unit = units[0]
    for values in (
        {"address": "平湖市陆家桥小区1号楼", "room": "101"},
        {"building_code": unit.building_code, "room": "101", "address": "陆家桥小区一幢"},
        {"code": "另编的号", "address": "陆家桥1-101"},
    ):
        assert only(conn, RENTAL, town, **values).code == unit.code, values


def test_firms_lie_on_their_plots(conn: Connection, town: Area) -> None:
    firms = conn.execute(text("select code, plot_code, address from gis.enterprise order by code")).all()
    found = placed(
        conn, ENTERPRISE, town, *({"name": "新办的厂", "address": f"平湖市{firm.address}"} for firm in firms)
    )
    covered = conn.execute(
        text(
            "select st_covers(p.geom, st_geomfromewkb(g))"
            " from unnest(cast(:g as bytea[]), cast(:c as text[])) as t(g, c)"
            " join gis.enterprise_plot p on p.code = t.c"
        ),
        {"g": [place.geometry if place else None for place in found], "c": [firm.plot_code for firm in firms]},
    )
    assert all(covered.scalars())
    # At one address there may be many firms: only the name tells which one it is.
    assert all(place and place.code is None for place in found)
    known = conn.execute(text("select code, name, address from gis.enterprise order by code limit 1")).one()
    assert only(conn, ENTERPRISE, town, name=known.name, address=known.address).code == known.code


def test_areas_come_back_to_their_own_shape_only(conn: Connection, town: Area) -> None:
    stored = conn.execute(
        text("select st_asewkb(geom, 'NDR') from gis.building where address = '新群小区12幢'")
    ).scalar()
    found = only(conn, BUILDING, town, address="新群小区十二栋")
    assert found.geometry == bytes(stored or b"")
    assert placed(conn, BUILDING, town, {"address": "新群小区999幢"}, {"address": "新明路18号"}) == [None, None]


def test_visits_go_where_their_target_is(conn: Connection, town: Area, units: Sequence[Any]) -> None:
    found = only(conn, LAYERS["visit"], town, target_kind="rental_unit", target_code=units[5].code)
    assert found.how == "target_code"
    assert houses_at(conn, [found]) == [units[5].building_code]
    assert placed(conn, LAYERS["visit"], town, {"target_kind": "other", "target_code": "x"}) == [None]


def test_new_codes_do_not_depend_on_the_spelling(town: Area) -> None:
    codes = {
        code_from_address(town, {"address": one, "name": "永兴厂"}) for one in ("新明路18号", "平湖市新明路１８号")
    }
    assert len(codes) == 1
    assert code_from_address(town, {"address": "新明路18-1号", "name": "永兴厂"}) not in codes


def test_a_code_in_two_grids_names_no_one(database: Database, staff: Scope, area: str) -> None:
    with database.write(staff) as conn:
        for number, west in ((1, 120.991), (2, 121.001)):
            grid = example_record(LAYERS["grid"], code=f"{area}00{number}", level="governance")
            put_features(conn, LAYERS["grid"], area, [(grid, shapely.box(west, 30.691, west + 0.008, 30.709))])
            unit = example_record(RENTAL, code=f"CZ{number}", address=f"新群小区{number}幢101室")
            put_features(conn, RENTAL, area, [(unit, shapely.Point(west + 0.001, 30.7))])
        conn.execute(text("update gis.rental_unit set code = 'CZ1'"))
        house = example_record(BUILDING, code="LD1", address="新群小区1幢", data_status="void")
        put_features(conn, BUILDING, area, [(house, shapely.box(120.991, 30.7, 120.992, 30.701))])
        where = read_area(conn, area)
        twice, void = placed(conn, RENTAL, where, {"code": "CZ1"}, {"address": "新群小区1幢102室"})
        assert (twice, void) == (None, None)
        conn.rollback()


def test_the_same_ledger_again_finds_what_it_added(database: Database, staff: Scope, area: str) -> None:
    with database.write(staff) as conn:
        where = read_area(conn, area)
        house = example_record(BUILDING, code="LD1", address="新群小区1幢")
        put_features(conn, BUILDING, area, [(house, shapely.box(120.991, 30.7, 120.992, 30.701))])
        rows = [{"address": "新群小区1幢", "room": "101"}, {"address": "新群小区1幢102室"}]
        again = [{"address": "新群1栋101室"}, {"address": "新群小区一号楼", "room": "102"}]
        first = placed(conn, RENTAL, where, *rows)
        codes = [code_from_address(where, row) for row in rows]
        assert len(set(codes)) == 2
        for code, row, place in zip(codes, rows, first, strict=True):
            assert place is not None
            assert place.code is None
            unit = example_record(RENTAL, code=code, **row)
            put_features(conn, RENTAL, area, [(unit, shapely.from_wkb(place.geometry))])
        second = placed(conn, RENTAL, where, *again)
        assert [place.code for place in second if place] == codes
        assert [place.geometry for place in second if place] == [place.geometry for place in first if place]
        conn.rollback()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_bad_ledgers_are_never_placed_wrongly(conn: Connection, town: Area, units: Sequence[Any], seed: int) -> None:
    """One row in eight has an error, others leave the estate out or have words around the address."""
    chance = random.Random(seed)
    spelled = [spell(unit.address, chance, harder=True) for unit in units]
    found = placed(conn, RENTAL, town, *({"address": one.text} for one in spelled))
    assert wrong(conn, units, spelled, found) == []
    left = [one.text for one, place in zip(spelled, found, strict=True) if place is None and one.kind == "respelled"]
    assert left == []


@pytest.mark.long
def test_a_hundred_thousand_rows_in_fifty_thousand_houses(database: Database, staff: Scope, area: str) -> None:
    assert area == TEST_COMMUNITY
    with database.write(staff) as conn:
        conn.execute(text("update gis.area set name = '新群社区'"))
        conn.execute(text("update gis.community set county = '平湖市', street = '钟埭街道'"))
        conn.execute(
            text(
                "insert into gis.building (community, code, use, permit_status, source, data_status, address, geom)"
                " select :c, 'LD' || n, '10', 'unknown', 'synthetic', 'normal',"
                " (array['新群','陆家桥','东湖','梅园','百花'])[n % 5 + 1] || '小区' || n / 5 + 1 || '幢',"
                " st_multi(st_makeenvelope(120.99 + n % 250 * 0.00008, 30.69 + n / 250 * 0.0001,"
                "  120.99005 + n % 250 * 0.00008, 30.69005 + n / 250 * 0.0001, 4490)) from generate_series(0, 49999) n"
            ),
            {"c": area},
        )
        stored = conn.execute(text("select code, address from gis.building order by code")).all()
        chance = random.Random(3)
        asked = [stored[number % len(stored)] for number in range(100_000)]
        rows = [
            LedgerRow(number, {"address": spell(f"{house.address}{number % 7 + 101}室", chance, houses=10_001).text})
            for number, house in enumerate(asked)
        ]
        begun = time.perf_counter()
        found = place_rows(conn, RENTAL, read_area(conn, area), rows)
        assert time.perf_counter() - begun < 15
        assert sum(place is not None for place in found) > 95_000
        assert [
            (house.address, row.values["address"], place.said)
            for house, row, place in zip(asked, rows, found, strict=True)
            if place and not place.said.endswith(f"({house.address})")
        ] == []
        conn.rollback()
