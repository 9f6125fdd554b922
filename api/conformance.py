"""The conformance classes that hold."""

from __future__ import annotations

from typing import Any

from gis_service.features.filters import CONFORMANCE as CQL2_CLASSES

_CLASSES = {
    "ogcapi-common-1/1.0": ("core", "landing-page", "json", "html", "oas30"),
    "ogcapi-common-2/1.0": ("collections", "html", "json"),
    "ogcapi-features-1/1.0": ("core", "oas30", "html", "geojson"),
    "ogcapi-features-2/1.0": ("crs",),
    "ogcapi-features-3/1.0": ("queryables", "queryables-query-parameters", "filter", "features-filter"),
    # QGIS hands spatial conditions to the server only under the name that the class had as a draft.
    "cql2/1.0": (*CQL2_CLASSES, "basic-spatial-operators"),
    "ogcapi-features-5/1.0": (
        "schemas", "core-roles-features", "returnables-and-receivables", "queryables", "sortables",
    ),
    "ogcapi-common-3/1.0": ("schemas",),
    "ogcapi-tiles-1/1.0": (
        "core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets", "collections-selection",
        "datetime", "oas30", "mvt",
    ),
    "tms/2.0": ("tilematrixset", "json-tilematrixset", "tilesetmetadata", "json-tilesetmetadata"),
}  # fmt: skip
_WRITING = {
    "post": ("create-replace-delete", "features", "optimistic-locking-etags"),
    "patch": ("update",),
}


def conformance_of(document: dict[str, Any]) -> list[str]:
    """Return the URIs of the classes that hold for the interface that an OpenAPI document describes.

    Those of Part 4 hold as far as there are operations that write.
    """
    methods = {
        method
        for path, operations in document["paths"].items()
        if path.endswith(("/items", "/items/{feature}"))
        for method in operations
    }
    writing = tuple(name for method, names in _WRITING.items() if method in methods for name in names)
    classes = {**_CLASSES, "ogcapi-features-4/1.0": writing}
    return [
        f"http://www.opengis.net/spec/{standard}/conf/{name}" for standard, names in classes.items() for name in names
    ]
