"""Communities that hold nothing, or one row of one layer: every analysis answers in a sentence, with sound figures."""

from __future__ import annotations

import math
from datetime import date

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gis_service.analysis.catalog import ANALYSES
from gis_service.areas import create_area, read_area
from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import example_record

DAY = date(2026, 11, 24)
_SIGNED = ("缺口", "增减")
"""Words in the titles of figures that may lie below zero."""


def shape_for(layer: str) -> BaseGeometry:
    geometry = LAYERS[layer].geometry
    if "POLYGON" in geometry:
        return shapely.box(121.0, 30.70, 121.001, 30.7005)
    return (
        shapely.LineString([(121.0, 30.7), (121.001, 30.7)]) if "LINE" in geometry else shapely.Point(121.0005, 30.7002)
    )


USUALLY_ALONE = {"building", "rental_unit"}
"""Layers that are tried alone each time; the others are in the long proof."""


@pytest.mark.parametrize(
    "layers",
    [(), *((name,) if name in USUALLY_ALONE else pytest.param((name,), marks=pytest.mark.long)
           for name in LAYERS if name != "community"), tuple(set(LAYERS) - {"community"})],
    ids=lambda names: "+".join(names) if len(names) < 2 else "all",
)  # fmt: skip
def test_every_analysis_answers(database: Database, staff: Scope, layers: tuple[str, ...]) -> None:
    with database.write(staff) as conn:
        before = conn.begin_nested()
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        for layer in layers:
            put_features(conn, LAYERS[layer], TEST_COMMUNITY, [(example_record(LAYERS[layer]), shape_for(layer))])
        for name, analysis in ANALYSES.items():
            answer = analysis.compute(conn, staff, read_area(conn, TEST_COMMUNITY), on=DAY)
            assert answer.finding.endswith("。"), name
            assert layers or answer.finding.startswith("还没有"), (name, answer.finding)
            for fact in answer.facts:
                assert fact.value is None or math.isfinite(fact.value), (name, fact)
                assert not fact.value or fact.value > 0 or any(word in fact.title for word in _SIGNED), (name, fact)
            for theme in answer.themes:
                assert layers or theme.count == 0, (name, theme.name)
        before.rollback()
