"""The sample: its totals, that it is the same twice, and that it could stand on the ground."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from importlib import resources
from typing import Any

import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from gis_service.sample.community import COMMUNITY, NAME, SEED, generate
from gis_service.sample.firms import credit_code
from gis_service.sample.rows import CAMPAIGN, apportion
from layers.record import Record, Source
from layers.registry import LAYERS

Sample = dict[str, list[tuple[Record, BaseGeometry]]]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate()


def values(sample: Sample, layer: str) -> list[dict[str, Any]]:
    return [record.model_dump() for record, _ in sample[layer]]


def shapes(sample: Sample, layer: str) -> list[BaseGeometry]:
    return [geometry for _, geometry in sample[layer]]


def total(sample: Sample, layer: str, field: str) -> int:
    return sum(row[field] or 0 for row in values(sample, layer))


def overlaps(geometries: list[BaseGeometry]) -> list[float]:
    tree = shapely.STRtree(geometries)
    first, second = tree.query(geometries, predicate="intersects")
    pairs = [(i, j) for i, j in zip(first, second, strict=True) if i < j]
    return [area for i, j in pairs if (area := float(geometries[i].intersection(geometries[j]).area)) > 1e-6]


def test_every_layer_has_rows_valid_by_its_declaration(sample: Sample) -> None:
    assert set(sample) == set(LAYERS)
    for name, rows in sample.items():
        assert rows, name
        for record, _ in rows:
            assert isinstance(record, LAYERS[name].record)
            LAYERS[name].record.model_validate(record.model_dump())


def test_every_row_says_it_is_synthetic_and_names_nobody(sample: Sample) -> None:
    for name, rows in sample.items():
        personal = [field.name for field in LAYERS[name].personal_fields]
        for record, _ in rows:
            assert record.source is Source.SYNTHETIC
            assert all(getattr(record, field) is None for field in personal)


def test_codes_are_unique(sample: Sample) -> None:
    for name in sample:
        codes = Counter(row["code"] for row in values(sample, name))
        assert max(codes.values()) == 1, name


def test_the_same_seed_gives_the_same_community(sample: Sample) -> None:
    again = generate()
    for name in sample:
        assert values(sample, name) == values(again, name)
        assert [shape.wkb for shape in shapes(sample, name)] == [shape.wkb for shape in shapes(again, name)]


@pytest.mark.parametrize("seed", [SEED, pytest.param(42, marks=pytest.mark.long)])
def test_reported_totals_hold_for_any_seed(seed: int, sample: Sample) -> None:
    sample = sample if seed == SEED else generate(seed)
    assert total(sample, "building", "household_local") == 400
    assert total(sample, "building", "resident_count") == 4152
    assert total(sample, "building", "local_population") == 1321
    assert len(sample["rental_unit"]) == 1400
    assert total(sample, "rental_unit", "tenant_count") == 4218
    assert total(sample, "rental_unit", "tenant_count_prev") == 3354
    assert len(sample["estate"]) == 2
    assert len(sample["enterprise"]) == 167
    assert sum(row["campaign"] == CAMPAIGN for row in values(sample, "hazard")) == 586
    gone = [
        geometry.area
        for record, geometry in sample["illegal_structure"]
        if record.model_dump()["campaign"] == CAMPAIGN and record.model_dump()["demolished_on"]
    ]
    assert 18_000 < sum(gone) < 18_100
    assert 40_000 <= sum(row["area_m2"] for row in values(sample, "road") if row["renewed_on"]) < 41_000
    assert not overlaps(shapes(sample, "building"))


def test_enterprises_are_counted_as_reported_and_below_scale_is_not_forced(sample: Sample) -> None:
    firms = values(sample, "enterprise")
    assert Counter(firm["scale"] for firm in firms) == {"above": 41, "below": 126}
    assert sum(firm["foreign_funded"] for firm in firms) == 15
    assert sum(bool({"fortune_500", "industry_leader"} & set(firm["tags"] or [])) for firm in firms) == 4
    rectified = {firm["code"] for firm in firms if firm["rectified"]}
    closed = {firm["code"] for firm in firms if firm["status"] == "closed"}
    changed = {firm["code"] for firm in firms if firm["licence_change_on"]}
    assert (len(rectified), len(closed), len(changed)) == (76, 13, 5)
    assert len(rectified | closed | changed) == 94
    assert all(firm["licence_status"] == "none" for firm in firms if firm["code"] in closed)
    named = {row["enterprise_code"] for row in values(sample, "hazard") if row["campaign"]}
    assert rectified | closed | changed <= named


def test_several_firms_share_a_plot_and_every_firm_stands_on_its_own(sample: Sample) -> None:
    plots = {record.code: geometry for record, geometry in sample["enterprise_plot"]}
    crowd = Counter(row["plot_code"] for row in values(sample, "enterprise"))
    assert sum(count > 1 for count in crowd.values()) > 15
    for record, at in sample["enterprise"]:
        assert plots[record.model_dump()["plot_code"]].covers(at)


def test_waste_is_sorted_rightly_in_about_95_of_100_bags(sample: Sample) -> None:
    checks = [row for row in values(sample, "visit") if row["purpose"] == "waste_check"]
    rate = sum(row["correct_count"] for row in checks) / sum(row["checked_count"] for row in checks)
    rates = [row["accuracy_rate"] for row in values(sample, "waste_point") if row["accuracy_rate"] is not None]
    assert rate == pytest.approx(0.95, abs=0.005)
    assert sum(rates) / len(rates) == pytest.approx(95, abs=0.2)
    assert 14 <= sum(row["kind"] == "timed" for row in values(sample, "waste_point")) <= 18


def test_some_rentals_are_crowded_but_few(sample: Sample) -> None:
    let = [row for row in values(sample, "rental_unit") if row["tenant_count"]]
    share = sum(row["usable_area_m2"] / row["tenant_count"] < 6 for row in let) / len(let)
    assert 0.04 < share < 0.08


def test_seven_posts_work_six_grids(sample: Sample) -> None:
    grids = values(sample, "grid")
    assert [grid["code"] for grid in grids] == [f"{COMMUNITY}{number:03d}" for number in range(1, 7)]
    assert len({worker for grid in grids for worker in grid["workers"]}) == 7
    assert Counter(grid["kind"] for grid in grids) == {"basic": 4, "dedicated": 2}


def test_the_boundary_is_five_point_two_square_kilometres_and_the_grids_tile_it(sample: Sample) -> None:
    (boundary,) = shapes(sample, "community")
    grids = shapes(sample, "grid")
    assert values(sample, "community")[0]["name"] == NAME
    assert boundary.area == pytest.approx(5_200_000, abs=1_000)
    assert sum(grid.area for grid in grids) == pytest.approx(boundary.area, abs=0.01)
    assert unary_union(grids).symmetric_difference(boundary).area < 0.01
    assert not overlaps(grids)
    assert shapely.coverage_is_valid(grids)


def test_all_geometry_is_valid_and_lies_in_the_community(sample: Sample) -> None:
    (boundary,) = shapes(sample, "community")
    ground = boundary.buffer(0.01)
    for name in sample:
        for geometry in shapes(sample, name):
            assert geometry.is_valid, name
            assert not geometry.is_empty, name
            assert ground.covers(geometry), name


def test_buildings_stand_apart_and_off_roads_and_water(sample: Sample) -> None:
    buildings = shapes(sample, "building")
    roads = [
        geometry.buffer(record.model_dump()["width_m"] / 2, cap_style="flat") for record, geometry in sample["road"]
    ]
    taken = unary_union([*roads, *shapes(sample, "water")])
    assert not overlaps(buildings)
    assert [building.area for building in buildings if taken.intersection(building).area > 1e-6] == []


def test_rentals_lie_in_the_houses_they_name(sample: Sample) -> None:
    houses = {record.code: geometry for record, geometry in sample["building"]}
    floor_area = {row["code"]: row["floor_area_m2"] for row in values(sample, "building")}
    let: Counter[str] = Counter()
    for record, at in sample["rental_unit"]:
        row = record.model_dump()
        assert houses[row["building_code"]].covers(at)
        let[row["building_code"]] += row["usable_area_m2"]
    assert all(area < floor_area[code] for code, area in let.items())
    assert 430 <= len(let) <= 480


def test_hazards_lie_in_works_and_streets_too(sample: Sample) -> None:
    estates = unary_union(shapes(sample, "estate"))
    outside = [record for record, geometry in sample["hazard"] if not estates.intersects(geometry)]
    assert len(outside) > 500
    assert {geometry.geom_type for geometry in shapes(sample, "hazard")} == {"Point", "LineString"}


@pytest.mark.long
def test_dates_look_back_from_the_day_given() -> None:
    as_of = date(2026, 11, 23)
    sample = generate(as_of=as_of)
    visited = [row["visited_on"] for row in values(sample, "visit")]
    found = [row["found_on"] for row in values(sample, "hazard")]
    assert max(visited) <= as_of
    assert (as_of - min(visited)).days <= 365
    assert max(found) <= as_of
    assert (as_of - min(found)).days <= 731
    assert all(row["closed_on"] <= as_of for row in values(sample, "hazard") if row["closed_on"])


def test_totals_are_the_words_of_the_report() -> None:
    text = (resources.files("gis_service.sample") / "totals.toml").read_text(encoding="utf-8")
    totals = {row["code"]: row for row in tomllib.loads(text)["total"]}
    assert len(totals) == 22
    assert len({row["measure"] for row in totals.values()}) == 22
    assert totals["below_scale"]["value"] + totals["above_scale"]["value"] - totals["enterprises"]["value"] == 6
    assert totals["below_scale"]["qualifier"] == "近"
    assert totals["demolished"]["qualifier"] == "余"


def test_shares_add_up_exactly() -> None:
    assert sum(apportion([0.1, 0.2, 0.3, 5.0], 4218)) == 4218
    assert apportion([1, 1, 1], 2) == [1, 1, 0]


@pytest.mark.parametrize(
    ("number", "code"), [(1, "91330482MADEM00110"), (2, "91330482MADEM002XP"), (3, "91330482MADEM0038P")]
)
def test_credit_codes_have_right_check_digits(number: int, code: str) -> None:
    assert credit_code(number) == code
