"""Densities against a recomputation with pyproj and plain Python; what is public against a linear programme."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from scipy.optimize import linprog
from sqlalchemy import Engine, text

from gis_service.analysis.answer import Answer, Theme
from gis_service.analysis.density import MEASURES, Counts, _change_theme, density, density_change, public_density
from gis_service.areas import read_area
from gis_service.database import Database, open_engine
from gis_service.errors import NotFoundError
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

DAY = date(2020, 6, 30)
WEIGHTS = {
    "residents": "select code, coalesce(resident_count, 0) from gis.building",
    "tenants": "select code, coalesce(tenant_count, 0) from gis.rental_unit",
    "rentals": "select code, 1 from gis.rental_unit",
    "enterprises": "select code, (status not in ('closed', 'moved'))::int from gis.enterprise",
    "hazards": "select code, (status not in ('rejected', 'merged'))::int from gis.hazard",
}


def features(theme: Theme) -> list[dict[str, Any]]:
    return list(json.loads(theme.features)["features"])


def ask_for(database: Database, scope: Scope, compute: Callable[..., Answer], community: str) -> Answer:
    with database.read(scope) as conn:
        return compute(conn, scope, read_area(conn, community), on=DAY)


def places(superuser: Engine, measure: str, community: str) -> list[tuple[int, float, float]]:
    """Return weight, longitude and latitude of every row, read past everything the service does."""
    layer = MEASURES[measure].layer
    query = (
        WEIGHTS[measure]
        .replace("select code,", "select ")
        .replace(" from ", ", ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) from ")
    )
    assert layer in query
    where = f" where community = '{community}' and data_status <> 'void'"
    with superuser.connect() as conn:
        return [tuple(row) for row in conn.execute(text(query + where))]


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, sample_template: str) -> Any:
    engine = open_engine(cluster.url("postgres", sample_template))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("measure", MEASURES)
def test_cells_of_the_sample_hold_what_a_recount_finds(
    sample: Database, staff: Scope, superuser: Engine, measure: str
) -> None:
    answer = ask_for(sample, staff, density, COMMUNITY)
    expected: Counter[str] = Counter()
    to_metric = pyproj.Transformer.from_crs(4490, 4549, always_xy=True)
    for weight, lon, lat in places(superuser, measure, COMMUNITY):
        east, north = to_metric.transform(lon, lat)
        expected[f"E{math.floor(east / 100)}N{math.floor(north / 100)}"] += weight
    found = {one["id"]: one["properties"]["value"] for one in features(answer.theme(f"cells_{measure}"))}
    assert found == {cell: count for cell, count in expected.items() if count}
    fact = next(fact for fact in answer.facts if fact.theme == f"cells_{measure}")
    assert fact.value == sum(expected.values())


def test_grids_and_estates_divide_by_their_own_land(sample: Database, staff: Scope, superuser: Engine) -> None:
    answer = ask_for(sample, staff, density, COMMUNITY)
    metric = pyproj.Transformer.from_crs(4490, 4549, always_xy=True).transform
    with superuser.connect() as conn:
        estates = {
            code: shapely.from_wkb(bytes(shape))
            for code, shape in conn.execute(text("select code, ST_AsBinary(geom) from gis.estate"))
        }
    people: defaultdict[str, int] = defaultdict(int)
    for weight, lon, lat in places(superuser, "residents", COMMUNITY):
        for code, shape in estates.items():
            if shapely.covers(shape, shapely.Point(lon, lat)):
                people[code] += weight
    assert sum(people.values()) > 3000
    for one in features(answer.theme("estates")):
        land = shapely.transform(estates[one["id"]], lambda xy: np.column_stack(metric(xy[:, 0], xy[:, 1]))).area / 1e4
        told = one["properties"]
        assert told["residents"] == people[one["id"]]
        assert told["area_ha"] == pytest.approx(land, abs=0.006)
        for measure in ("tenants", "rentals", "enterprises", "hazards"):
            assert told[f"{measure}_per_ha"] == pytest.approx(told[measure] / land, abs=0.006)
        assert told["residents_per_ha"] == pytest.approx(people[one["id"]] / land, abs=0.006)
    grids = features(answer.theme("grids"))
    assert sum(one["properties"]["residents"] for one in grids) == 4152
    assert all(
        one["properties"].get("per_net_ha", 1e9) >= one["properties"]["residents_per_ha"] - 0.01 for one in grids
    )


def test_the_change_of_tenants_adds_up_to_the_report(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, density_change, COMMUNITY)
    cells = [one["properties"] for one in features(answer.theme("change"))]
    assert sum(cell["after"] for cell in cells) == 4218
    assert sum(cell["before"] for cell in cells) == 3354
    for cell in cells:
        assert cell["change"] == cell["after"] - cell["before"]
        bounds = [cell["change"] >= bound for bound in (-25, -5, 5, 25)]
        assert cell["class"] == str(sum(bounds))
    assert "3,354" in answer.finding
    assert "+25.8%" in answer.finding
    assert next(fact.value for fact in answer.facts if fact.title == "其中没有上期人数的") == 0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(40, 10, "0"), (40, 15, "0"), (40, 16, "1"), (40, 35, "1"), (40, 36, "2"), (40, 40, "2"), (40, 44, "2"),
     (40, 45, "3"), (40, 64, "3"), (40, 65, "4"), (0, 90, "4")],
)  # fmt: skip
def test_gain_and_loss_are_classed_alike(before: int, after: int, expected: str) -> None:
    rows = [("tenants_before", 4, 7, None, None, before), ("tenants", 4, 7, None, None, after)]
    counts = Counts(pd.DataFrame(rows, columns=["measure", "col", "row", "grid", "estate", "value"]))
    theme = _change_theme(counts, 100.0, 4549)
    assert [one["properties"]["class"] for one in features(theme)] == [expected]
    assert [one.title for one in theme.classes] == [
        "减少 25 人/公顷及以上", "减少 5–25 人/公顷", "增减不到 5 人/公顷", "增加 5–25 人/公顷",
        "增加 25 人/公顷及以上",
    ]  # fmt: skip


def test_a_reader_recovers_no_small_cell_of_the_sample(sample: Database, staff: Scope) -> None:
    """All public tables, their totals and both dates in one linear programme; residents and tenants may overlap."""
    answer = ask_for(sample, staff, public_density, COMMUNITY)
    exact = {
        name: {one["id"]: one["properties"]["value"] for one in features(theme)}
        for compute, pairs in (
            (density, (("residents", "cells_residents"), ("tenants", "cells_tenants"))),
        )
        for name, theme in (
            (name, ask_for(sample, staff, compute, COMMUNITY).theme(found)) for name, found in pairs
        )
    }  # fmt: skip
    before = features(ask_for(sample, staff, density_change, COMMUNITY).theme("change"))
    exact["tenants_before"] = {one["id"]: one["properties"]["before"] for one in before}
    small = 0
    for theme, fact in zip(answer.themes, answer.facts, strict=True):
        name = theme.name.removeprefix("cells_")
        told = {one["id"]: one["properties"].get("value") for one in features(theme)}
        hidden = sorted(cell for cell, value in told.items() if value is None)
        shown = {cell: value for cell, value in told.items() if value is not None}
        assert {cell: exact[name][cell] for cell in shown} == shown
        assert all(value >= 5 for value in shown.values())
        assert fact.value is not None
        rest = fact.value - sum(shown.values())
        for cell in hidden:
            weights = [-1.0 if one == cell else 0.0 for one in hidden]
            most = linprog(weights, A_eq=[[1.0] * len(hidden)], b_eq=[rest], bounds=[(0, None)] * len(hidden))
            assert most.status == 0
            if 0 < exact[name].get(cell, 0) < 5:
                small += 1
                assert -most.fun >= 5
    assert small > 0, "the sample has no small cell, so this test would see nothing"


def test_public_features_tell_nothing_but_cell_number_and_class(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, public_density, COMMUNITY)
    for theme in answer.themes:
        for one in features(theme):
            assert set(one["properties"]) <= {"cell", "value", "class"}


@pytest.mark.parametrize("compute", [density, density_change, public_density])
def test_an_empty_community_is_answered_with_a_sentence(
    database: Database, staff: Scope, area: str, compute: Callable[..., Answer]
) -> None:
    answer = ask_for(database, staff, compute, area)
    assert answer.finding.startswith("还没有")
    assert all(theme.count == 0 for theme in answer.themes if theme.name not in {"grids", "estates"})


def test_whoever_sees_nothing_is_told_nothing(sample: Database) -> None:
    with pytest.raises(NotFoundError):
        ask_for(sample, Scope("test", "staff", ()), density, COMMUNITY)


def test_a_void_row_counts_no_one(database: Database, staff: Scope, area: str) -> None:
    layer = LAYERS["rental_unit"]
    point = shapely.Point(121.0, 30.7)
    with database.write(staff) as conn:
        rows = [example_record(layer, tenant_count=4), example_record(layer, tenant_count=3, data_status="void")]
        put_features(conn, layer, area, [(row, point) for row in rows])
    answer = ask_for(database, staff, density, area)
    assert [one["properties"]["value"] for one in features(answer.theme("cells_tenants"))] == [4]
