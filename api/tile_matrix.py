"""The tile matrix set WebMercatorQuad, and the metadata of tilesets in it (OGC Two Dimensional Tile Matrix Set 2.0)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from api.layer_schemas import value_schema
from api.links import JSON, MVT, OGC_REL, SCHEMA_TYPE, link
from gis_service.features.extents import Extent
from gis_service.features.tiles import MAX_ZOOM, tile_names
from gis_service.reference_systems import CRS84
from layers.layer import Layer

NAME = "WebMercatorQuad"
REGISTERED = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{NAME}"
CRS = "http://www.opengis.net/def/crs/EPSG/0/3857"
TILE_PIXELS = 256
_HALF_M = math.pi * 6378137.0
# OGC's standard pixel of 0.28 mm.
_PIXEL_M = 0.00028
_DIMENSIONS = {"POINT": 0, "MULTILINESTRING": 1, "MULTIPOLYGON": 2}
_TILE_JSON_TYPES = {"string": "String", "integer": "Number", "number": "Number", "boolean": "Boolean"}


def tile_matrix_set() -> dict[str, Any]:
    """Return the definition of WebMercatorQuad, zoom 0 to 22."""
    return {
        "id": NAME,
        "title": "Web 墨卡托四叉瓦片",
        "uri": REGISTERED,
        "crs": CRS,
        "orderedAxes": ["E", "N"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [_tile_matrix(zoom) for zoom in range(MAX_ZOOM + 1)],
    }


def _tile_matrix(zoom: int) -> dict[str, Any]:
    cell_m = 2 * _HALF_M / TILE_PIXELS / 2**zoom
    return {
        "id": str(zoom),
        "scaleDenominator": cell_m / _PIXEL_M,
        "cellSize": cell_m,
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [-_HALF_M, _HALF_M],
        "tileWidth": TILE_PIXELS,
        "tileHeight": TILE_PIXELS,
        "matrixWidth": 2**zoom,
        "matrixHeight": 2**zoom,
    }


def tileset_item(base: str, here: str, title: str) -> dict[str, Any]:
    """Return the entry of a tileset in a list of tilesets; ``here`` is the list's address."""
    return {
        "title": title,
        "dataType": "vector",
        "crs": CRS,
        "tileMatrixSetURI": REGISTERED,
        "links": [
            link(f"{here}/{NAME}", "self", JSON, f"{title}的瓦片集"),
            link(f"{base}/tileMatrixSets/{NAME}", f"{OGC_REL}tiling-scheme", JSON, NAME),
        ],
    }


def tileset(
    base: str, here: str, title: str, layers: Sequence[Layer], extent: Extent | None, query: str = ""
) -> dict[str, Any]:
    """Return the metadata of a tileset.

    Parameters
    ----------
    here
        Address of the tileset.
    extent
        (west, south, east, north) in degrees, or None while nothing is stored.
    query
        The query of the request, which its tiles keep: ``?collections=…``.
    """
    west, south, east, north = extent or (-180.0, -85.0511, 180.0, 85.0511)
    template = link(f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}{query}", "item", MVT, "矢量瓦片")
    return {
        "title": title,
        "dataType": "vector",
        "crs": CRS,
        "tileMatrixSetURI": REGISTERED,
        "boundingBox": {"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84.uri},
        "centerPoint": {"coordinates": [(west + east) / 2, (south + north) / 2], "crs": CRS84.uri, "tileMatrix": "15"},
        "mediaTypes": [MVT],
        "layers": [_tileset_layer(base, layer) for layer in layers],
        "links": [
            link(f"{base}/tileMatrixSets/{NAME}", f"{OGC_REL}tiling-scheme", JSON, NAME),
            {**template, "templated": True},
            link(f"{here}/tilejson.json{query}", "describedby", JSON, "TileJSON"),
        ],
    }  # fmt: skip


def _tileset_layer(base: str, layer: Layer) -> dict[str, Any]:
    address = f"{base}/collections/{layer.name}"
    said: dict[str, Any] = {
        "id": layer.name,
        "title": layer.title,
        "description": layer.summary,
        "dataType": "vector",
        "crs": CRS,
        "links": [
            link(address, f"{OGC_REL}geodata", JSON, layer.title),
            link(f"{address}/schema", "describedby", SCHEMA_TYPE, f"{layer.title}的字段"),
        ],
        "propertiesSchema": {
            "type": "object",
            "properties": {name: {"type": kind, "title": title} for name, title, kind in _properties(layer)},
        },
    }
    if layer.geometry in _DIMENSIONS:
        said["geometryDimension"] = _DIMENSIONS[layer.geometry]
    return said


def tile_json(here: str, title: str, layers: Sequence[Layer], extent: Extent | None, query: str = "") -> dict[str, Any]:
    """Return TileJSON 3.0, which MapLibre takes as a source; its template names zoom, row and column as they say."""
    west, south, east, north = extent or (-180.0, -85.0511, 180.0, 85.0511)
    return {
        "tilejson": "3.0.0",
        "name": title,
        "scheme": "xyz",
        "tiles": [f"{here}/{{z}}/{{y}}/{{x}}{query}"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, 15],
        "vector_layers": [
            {
                "id": layer.name,
                "description": layer.title,
                "minzoom": 0,
                "maxzoom": MAX_ZOOM,
                "fields": {name: _TILE_JSON_TYPES[kind] for name, _, kind in _properties(layer)},
            }
            for layer in layers
        ],
    }


def _properties(layer: Layer) -> list[tuple[str, str, str]]:
    """Return the name, title and JSON type of each property that tiles carry."""
    found = [("id", "标识", "string"), ("grid", "网格代码", "string")]
    fields = {field.name: field for field in layer.fields}
    coded = [fields[name] for name in tile_names(layer) if name in fields]
    return found + [(field.name, field.title, str(value_schema(field)["type"])) for field in coded]
