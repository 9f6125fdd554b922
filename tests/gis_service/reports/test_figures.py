"""Figures against what the superuser counts: their names, their parts by grid, whose they are, and what must agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from gis_service.analysis.catalog import ANALYSES
from gis_service.areas import read_area
from gis_service.database import Database, open_engine
from gis_service.errors import NotFoundError
from gis_service.local_cluster import LocalCluster
from gis_service.reports.agreements import AGREEMENTS, contradictions_of
from gis_service.reports.figure import Catalogue, Figure, key_of
from gis_service.reports.reading import Read, read_figures
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS

DAY = date(2026, 11, 30)
OPEN = "status not in ('closed', 'rejected', 'merged')"


@pytest.fixture(scope="module")
def everything(sample: Database, staff: Scope) -> Read:
    """All figures of the sample."""
    return read_figures(sample, staff, COMMUNITY, DAY)


@pytest.fixture(scope="module")
def counted(cluster: LocalCluster, sample_template: str) -> dict[str, dict[str, int]]:
    """What the superuser counts by grid: rows of each layer, and open hazards."""
    engine = open_engine(cluster.url("postgres", sample_template))
    asked = {name: f"select coalesce(grid, ''), count(*) from gis.{name} group by 1" for name in LAYERS}
    asked["open"] = f"select coalesce(grid, ''), count(*) from gis.hazard where {OPEN} group by 1"
    with engine.connect() as conn:
        found = {name: {grid: int(count) for grid, count in conn.execute(text(query))} for name, query in asked.items()}
    engine.dispose()
    return found


def test_every_fact_is_a_figure_under_a_name_of_its_own(everything: Read, sample: Database, staff: Scope) -> None:
    keys = Counter(
        key_of(f"{group}/{figure.name.partition('/')[2]}")
        for figure in everything.catalogue.figures
        for group in (figure.group.name, figure.group.title)
    )
    assert [key for key, times in keys.items() if times > 1] == []
    groups = {figure.group.name for figure in everything.catalogue.figures}
    assert groups == {*ANALYSES, "about", "summary", "layers", "reported", "measured"}
    with sample.read(staff) as conn:
        answer = ANALYSES["drainage"].compute(conn, staff, read_area(conn, COMMUNITY), on=DAY)
    for fact in answer.facts:
        figure = everything.catalogue.find(f"drainage/{fact.title}")
        assert (figure.value, figure.unit, figure.note) == (fact.value, fact.unit, fact.note)
        assert figure.method == answer.method
        assert figure.address == f"/maps/drainage?community={COMMUNITY}&on=2026-11-30"


def test_figures_are_what_the_superuser_counts(everything: Read, counted: dict[str, dict[str, int]]) -> None:
    find = everything.catalogue.find
    for name, layer in LAYERS.items():
        assert find(f"layers/{layer.title}").value == sum(counted[name].values()), name
    assert find("hazards/未办结").value == sum(counted["open"].values()) > 0
    for grid in everything.catalogue.grids:
        assert find(f"layers/楼栋@{grid}").value == counted["building"].get(grid, 0)
        assert find(f"hazards/未办结@{grid[12:]}").value == counted["open"].get(grid, 0)
        assert find(f"summary/未办结隐患@{grid}").value == counted["open"].get(grid, 0)
    # A fact that adds up what its features hold isn't told by counting them.
    assert find("parking_balance/居民车位").by_grid is None


@pytest.mark.parametrize("name", ["hazards/未办结", "隐患/未办结", " HAZARDS / 未 办结", "hazards\uff0f未办结"])
def test_a_name_is_found_however_it_is_typed(everything: Read, name: str) -> None:
    assert everything.catalogue.find(name).name == "hazards/未办结"


def test_a_name_stays_when_the_numbers_in_it_change(everything: Read) -> None:
    figure = everything.catalogue.find("waste_coverage/最优增设 12 处可新覆盖")
    assert figure.name == "waste_coverage/最优增设 N 处可新覆盖"
    assert figure.title != figure.name.partition("/")[2]
    assert everything.catalogue.find("crowding/G1 人均面积不足").name == "crowding/G1 人均面积不足"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hazards/未办節", "hazards/未办结"),
        ("density/租户@330482002011001", "没有按网格的数"),
        ("hazards/未办结@330482002011999", "330482002011001"),
        ("hazards/未办结@330482002099001", "没有网格"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(everything: Read, name: str, said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        everything.catalogue.find(name)


def test_a_grid_workers_figures_are_those_of_the_grid(sample: Database, counted: dict[str, dict[str, int]]) -> None:
    grid = COMMUNITY + "003"
    worker = Scope("test", "grid_worker", (grid,))
    groups = {"about", "hazards", "layers", "summary", "reported", "public_density"}
    read = read_figures(sample, worker, COMMUNITY, DAY, groups)
    find = read.catalogue.find
    assert read.partial == read.catalogue.grids == (grid,)
    assert find("about/范围").value == "网格 003"
    assert find("hazards/未办结").value == counted["open"][grid] < sum(counted["open"].values())
    assert find("summary/未办结隐患").value == counted["open"][grid]
    # Buildings are seen by all of the community, but what is told of a grid is told of it only.
    assert find("layers/楼栋").value == counted["building"][grid]
    assert find("reported/企业").value is None
    assert "管整个社区的人" in find("reported/企业").note
    assert not any(figure.group.name == "public_density" for figure in read.catalogue.figures)
    with pytest.raises(NotFoundError, match="不在您的范围内"):
        find(f"hazards/未办结@{COMMUNITY}001")


def test_only_the_groups_that_are_asked_for_are_read(sample: Database, staff: Scope) -> None:
    read = read_figures(sample, staff, COMMUNITY, DAY, {"上报", "图层"})
    assert {figure.group.name for figure in read.catalogue.figures} == {"reported", "measured", "layers"}


def test_what_must_agree_is_known_and_agrees_in_the_sample(everything: Read) -> None:
    for agreement in AGREEMENTS:
        assert len(agreement.sides) > 1
        for side in agreement.sides:
            for name in side:
                assert everything.catalogue.find(name).name == name
    used = {figure.name: figure for figure in everything.catalogue.figures}
    said = [one.title for one in contradictions_of(used, everything.catalogue, everything.parts)]
    assert said == ["规下企业", "企业(上报规上+规下)"]


def changed(read: Read, name: str, value: float) -> Catalogue:
    """Return the figures with another value of one."""
    figures = [replace(figure, value=value) if figure.name == name else figure for figure in read.catalogue.figures]
    return Catalogue(figures, read.catalogue.grids)


def used_of(catalogue: Catalogue, *names: str) -> dict[str, Figure]:
    found = [catalogue.find(name) for name in names]
    return {figure.name: figure for figure in found}


def test_two_figures_that_differ_are_told_with_both_values(everything: Read) -> None:
    catalogue = changed(everything, "summary/未办结隐患", 150.0)
    (found,) = contradictions_of(used_of(catalogue, "hazards/未办结", "summary/未办结隐患"), catalogue, {})
    assert "hazards/未办结 = 153," in found.sentence
    assert "summary/未办结隐患 = 150," in found.sentence
    # Told of a form with one of them too, with what isn't in it; not of a form with neither.
    (found,) = contradictions_of(used_of(catalogue, "hazards/未办结"), catalogue, {})
    assert "summary/未办结隐患 = 150(没有填在表里)" in found.sentence
    assert contradictions_of(used_of(catalogue, "layers/楼栋"), catalogue, {}) == []


def test_a_total_and_its_grids_that_differ_are_told(everything: Read) -> None:
    catalogue = changed(everything, "premises/厂中厂地块", 21)
    names = [f"premises/厂中厂地块@{grid}" for grid in catalogue.grids]
    (found,) = contradictions_of(used_of(catalogue, "premises/厂中厂地块", *names), catalogue, {})
    assert "= 21," in found.sentence
    assert "各网格相加 = 20,相差 1" in found.sentence
    assert contradictions_of(used_of(catalogue, "premises/厂中厂地块", *names[1:]), catalogue, {}) == []


def test_reported_totals_that_do_not_add_up_are_told(everything: Read) -> None:
    used = used_of(everything.catalogue, "reported/企业", "reported/规上企业", "reported/规下企业")
    said = " ".join(one.sentence for one in contradictions_of(used, everything.catalogue, everything.parts))
    assert "上报 近132 家,图层为 126 家" in said
    assert "上报 167 家,图层为 173 家" in said
    used = used_of(everything.catalogue, "reported/租户")
    assert contradictions_of(used, everything.catalogue, everything.parts) == []
