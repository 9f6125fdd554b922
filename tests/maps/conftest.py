"""A small community with one of everything, and values that would break a careless page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gis_service.overview import LayerAnswer, Overview
from layers.registry import LAYERS

COMMUNITY = "330482002011"
BBOX = (121.0, 30.70, 121.02, 30.72)

PAYLOADS = (
    "<img src=x onerror=\"document.title='PWNED'\">",
    "</script><script>document.title='PWNED'</script>",
    "<script>document.title='PWNED'</script>",
    "<!--<script>",
    "]]><svg onload=\"document.title='PWNED'\">",
    "`${document.title='PWNED'}`",
    "\"');document.title='PWNED';//",
    "'\"><iframe src=\"javascript:parent.document.title='PWNED'\">",
    "{{ 7*7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}{# gone #}",
    "&lt;img src=x onerror=document.title='PWNED'&gt;",
    "line\u2028document.title='PWNED'\u2029",
    "javascript:document.title='PWNED'",
    "__proto__",
    "constructor",
    "\\u003c/script\\u003e<b onmouseover=\"document.title='PWNED'\">over me</b>",
    "</title><style>*{display:none}</style>",
    "𠮷野家" + "长" * 1500,
)


def geometry_of(kind: str, column: int, row: int) -> dict[str, Any]:
    """Return a geometry that no other feature covers, on a lattice of about 90 m."""
    west, south = BBOX[0] + 0.001 + column * 0.001, BBOX[1] + 0.001 + row * 0.001
    ring = [[west, south], [west + 5e-4, south], [west + 5e-4, south + 5e-4], [west, south + 5e-4], [west, south]]
    shapes: dict[str, dict[str, Any]] = {
        "POINT": {"type": "Point", "coordinates": [west, south]},
        "MULTILINESTRING": {"type": "MultiLineString", "coordinates": [[ring[0], ring[1]], [ring[1], ring[2]]]},
        "MULTIPOLYGON": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "GEOMETRY": {
            "type": "GeometryCollection",
            "geometries": [{"type": "Polygon", "coordinates": [ring]}, {"type": "Point", "coordinates": ring[0]}],
        },
    }
    return shapes[kind]


def features_of(name: str, row: int) -> dict[str, Any]:
    """Return a FeatureCollection of one layer: a feature for each payload, the payload in every text."""
    layer = LAYERS[name]
    features = []
    for column, payload in enumerate(PAYLOADS):
        properties: dict[str, Any] = {}
        for field in layer.fields:
            if field.kind == "text":
                properties[field.name] = payload
            elif field.kind == "texts":
                properties[field.name] = [payload, payload]
            elif field.kind in {"integer", "number"}:
                properties[field.name] = 12345
        properties |= {"code": f"{name}-{column}-{payload}", "grid": f"{COMMUNITY}001", "community": COMMUNITY}
        features.append(
            {
                "type": "Feature",
                "id": f"{COMMUNITY}.00000000-0000-0000-{row:04d}-{column:012d}",
                "geometry": geometry_of(layer.geometry, column, row),
                "properties": properties,
            }
        )
    return {"type": "FeatureCollection", "features": features}


@pytest.fixture(scope="session")
def payloads() -> tuple[str, ...]:
    """Return texts that run, break out or disturb where a page takes data for markup, script or template."""
    return PAYLOADS


@pytest.fixture(scope="session")
def hostile() -> dict[str, dict[str, Any]]:
    """Return every layer's features by the layer's name."""
    return {name: features_of(name, row) for row, name in enumerate(LAYERS)}


@pytest.fixture(scope="session")
def make_overview(hostile: dict[str, dict[str, Any]]) -> Callable[..., Overview]:
    """Return a maker of overviews; ``inline=False`` lets the page fetch its layers."""

    def make(*, inline: bool = True, name: str = "新群社区", empty: bool = False) -> Overview:
        return Overview(
            community=COMMUNITY,
            name=name,
            bbox=BBOX,
            layers=tuple(
                LayerAnswer(
                    layer=layer,
                    count=0 if empty else len(PAYLOADS),
                    geojson=_text(hostile[layer.name], empty=empty) if inline else None,
                    url=None if inline else f"/maps/overview/layers/{layer.name}?community={COMMUNITY}",
                )
                for layer in LAYERS.values()
            ),
            data_date="2026-11-23",
            synthetic=True,
            attributions=("© OpenStreetMap contributors",),
            crs_note="CGCS2000(EPSG:4490),量测用 EPSG:4549",
        )

    return make


def _text(collection: dict[str, Any], *, empty: bool) -> str:
    return json.dumps({"type": "FeatureCollection", "features": []} if empty else collection, ensure_ascii=False)
