"""What the child is told to write: plain values, so that it needs neither the layers nor the database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

END = b"end\n"
"""The line after the last rows: without it the service has gone away, and half a file is none."""

WKB_TYPES = {1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}


@dataclass(frozen=True)
class OrderedColumn:
    """One column of the file; ``kind`` is a :class:`layers.field.Kind`, ``codes`` are stored values and labels."""

    name: str
    title: str
    kind: str
    codes: dict[str, str] | None


@dataclass(frozen=True)
class Order:
    """A file to be written.

    Attributes
    ----------
    form
        Name of the format.
    path
        Where to write it; its folder is the child's own.
    geometry
        Stored type of the layer's geometries: POINT, MULTILINESTRING, MULTIPOLYGON or GEOMETRY.
    srid
        EPSG code of the coordinates.
    axes
        Chinese names of the two coordinates.
    about
        Lines that say what the file is, for the formats that have a place for them.
    """

    form: Literal["xlsx", "fgb", "gpkg", "shp"]
    path: str
    layer: str
    title: str
    geometry: str
    srid: int
    axes: tuple[str, str]
    columns: tuple[OrderedColumn, ...]
    about: tuple[tuple[str, str], ...]

    def plain(self) -> dict[str, Any]:
        """Return the order as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Order:
        """Return the order that was made plain."""
        columns = tuple(OrderedColumn(**column) for column in plain["columns"])
        about = tuple((first, second) for first, second in plain["about"])
        return cls(**{**plain, "columns": columns, "about": about, "axes": tuple(plain["axes"])})
