"""One layer written in any system and format that an office uses: pairs of truth and file that the desk must tell."""

from __future__ import annotations

import csv
import json
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import shapely
from pyogrio import raw

from gis_service.coordinates import BD09, GCJ02, transform

Shapes = Sequence[shapely.Geometry]

DEGREES = ("EPSG:4490", "EPSG:4326", GCJ02, BD09)
METRES = ("EPSG:4549", "EPSG:4550", "EPSG:4528", "EPSG:4529", "EPSG:3857")
LIES = {
    "EPSG:4490": ("EPSG:4549", GCJ02), "EPSG:4326": ("EPSG:3857", BD09), GCJ02: ("EPSG:4326", "EPSG:4490"),
    BD09: ("EPSG:4490", "EPSG:4326"), "EPSG:4549": ("EPSG:4550", "EPSG:4528"), "EPSG:4550": ("EPSG:4549", "EPSG:4326"),
    "EPSG:4528": ("EPSG:4529", "EPSG:4549"), "EPSG:4529": ("EPSG:4528", "EPSG:4490"),
    "EPSG:3857": ("EPSG:4326", "EPSG:4549"),
}  # fmt: skip
"""What a file in a system may say it is in, and isn't."""


def carried(shapes: Shapes, crs: str, *, swapped: bool = False) -> np.ndarray:
    """Return WGS 84 geometries in a system, northing or latitude first where ``swapped``."""

    def moved(points: np.ndarray) -> np.ndarray:
        found = np.column_stack(transform(points[:, 0], points[:, 1], "EPSG:4326", crs))
        return found[:, ::-1] if swapped else found

    return np.asarray(shapely.transform(np.asarray(shapes, dtype=object), moved))


def codes(count: int) -> list[str]:
    return [f"P{at:04}" for at in range(count)]


def sexagesimal(value: float, spelling: int) -> str:
    """Spell degrees with minutes and seconds, in one of seven habits."""
    whole = round(value * 3600 * 10_000)
    degrees, rest = divmod(whole, 36_000_000)
    minutes, part = divmod(rest, 600_000)
    seconds = part / 10_000
    east = value > 60
    return (
        f"{degrees}°{minutes:02}′{seconds:07.4f}″",
        f"{degrees}度{minutes}分{seconds:.4f}秒",
        f"{degrees} {minutes} {seconds:.4f}",
        f"{'E' if east else 'N'}{degrees}-{minutes:02}-{seconds:07.4f}",
        f"{degrees}º{minutes}'{seconds:.4f}\"{'E' if east else 'N'}",
        f"{'东经' if east else '北纬'}{degrees}°{minutes + seconds / 60:.7f}'",
        f"{degrees}{minutes:02}{seconds:07.4f}",
    )[spelling]


SPELLINGS = 7


def table_rows(
    shapes: Shapes, crs: str, *, heads: tuple[str, str] = ("X", "Y"), swapped: bool = False, spelling: int | None = None
) -> list[list[object]]:
    """Return a table's header and rows; lines and areas as WKT."""
    written = carried(shapes, crs, swapped=swapped)
    if shapely.get_type_id(written[0]) != shapely.GeometryType.POINT:
        places: list[list[object]] = [[text] for text in shapely.to_wkt(written, rounding_precision=9).tolist()]
        header = ["编码", "WKT"]
    else:
        places = [[x, y] for x, y in shapely.get_coordinates(written).tolist()]
        header = ["编码", *heads]
    if spelling is not None:
        places = [[sexagesimal(float(str(number)), spelling) for number in place] for place in places]
    return [[*header], *([code, *place] for code, place in zip(codes(len(places)), places, strict=True))]


def csv_file(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([f"{cell:.9f}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return path


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def geojson_file(path: Path, shapes: Shapes, crs: str, *, swapped: bool = False, declared: str | None = None) -> Path:
    written = carried(shapes, crs, swapped=swapped)
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"编码": code}, "geometry": json.loads(shapely.to_geojson(shape))}
            for code, shape in zip(codes(len(written)), written, strict=True)
        ],
    }
    if declared is not None:
        document["crs"] = {"type": "name", "properties": {"name": declared}}
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return path


def gdal_file(path: Path, shapes: Shapes, crs: str, *, swapped: bool = False, declared: str | None = None) -> Path:
    """Write a GeoPackage, or a shapefile in a zip, by the path's ending."""
    written = carried(shapes, crs, swapped=swapped)
    kind = {0: "Point", 1: "LineString", 3: "Polygon", 5: "MultiLineString", 6: "MultiPolygon"}
    types = {int(one) for one in shapely.get_type_id(written)}
    fields = [np.array(codes(len(written)), dtype=object)]
    driver = "GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile"
    target = path if driver == "GPKG" else path.with_suffix("") / "数据.shp"
    target.parent.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        # That some declare no system is what is tried.
        warnings.simplefilter("ignore", UserWarning)
        raw.write(
            target, shapely.to_wkb(written), fields, ["编码"], geometry_type=kind[max(types)], crs=declared,
            driver=driver, encoding="UTF-8", promote_to_multi=len(types) > 1,
        )  # fmt: skip
    if driver != "GPKG":
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(target.parent.iterdir()):
                archive.write(part, part.name)
    return path


def kml_file(path: Path, shapes: Shapes, crs: str) -> Path:
    marks = []
    for code, shape in zip(codes(len(shapes)), carried(shapes, crs), strict=True):
        parts = "".join(_kml_of(part) for part in shapely.get_parts(shape))
        marks.append(
            f'<Placemark><ExtendedData><Data name="编码"><value>{code}</value></Data></ExtendedData>'
            f"<MultiGeometry>{parts}</MultiGeometry></Placemark>"
        )
    body = "".join(marks)
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}</Document></kml>', "utf-8")
    return path


def _kml_of(shape: shapely.Geometry) -> str:
    def listed(part: shapely.Geometry) -> str:
        texts = " ".join(f"{x:.8f},{y:.8f}" for x, y in shapely.get_coordinates(part).tolist())
        return f"<coordinates>{texts}</coordinates>"

    if isinstance(shape, shapely.Point):
        return f"<Point>{listed(shape)}</Point>"
    if isinstance(shape, shapely.LineString):
        return f"<LineString>{listed(shape)}</LineString>"
    holes = "".join(
        f"<innerBoundaryIs><LinearRing>{listed(hole)}</LinearRing></innerBoundaryIs>" for hole in shape.interiors
    )
    outer = f"<outerBoundaryIs><LinearRing>{listed(shape.exterior)}</LinearRing></outerBoundaryIs>"
    return f"<Polygon>{outer}{holes}</Polygon>"


def dxf_file(path: Path, shapes: Shapes, crs: str, *, origin: tuple[float, float] = (0.0, 0.0)) -> Path:
    """Draw outlines, lines and points; ``origin`` is taken off, as drawings in coordinates of their own have it."""
    lines = ["0", "SECTION", "2", "ENTITIES"]
    for shape in carried(shapes, crs):
        points = shapely.get_coordinates(shape) - origin
        if isinstance(shape, shapely.Point):
            lines += ["0", "POINT", "8", "0", "10", f"{points[0, 0]:.4f}", "20", f"{points[0, 1]:.4f}"]
            continue
        closed = shape.geom_type == "Polygon"
        lines += ["0", "LWPOLYLINE", "8", "0", "90", str(len(points)), "70", "1" if closed else "0"]
        for x, y in points[:-1] if closed else points:
            lines += ["10", f"{x:.4f}", "20", f"{y:.4f}"]
    path.write_text("\n".join([*lines, "0", "ENDSEC", "0", "EOF", ""]), "utf-8")
    return path


@dataclass(frozen=True)
class Way:
    """One way to write a layer: its name, the system that the numbers are in, and what writes a folder's file."""

    name: str
    crs: str
    write: Callable[[Path, Shapes], Path]


def ways(geometry: str) -> list[Way]:
    """Return every way to write a layer of POINT, MULTILINESTRING or MULTIPOLYGON."""
    found: list[Way] = []
    for crs in (*DEGREES, *METRES):
        found += _tables(geometry, crs)
        for swapped in (False, True):
            turned = " swapped" if swapped else ""
            found.append(_way("geojson", crs, geojson_file, f"{turned} silent", swapped=swapped))
            for suffix in ("gpkg", "zip"):
                found.append(_way(suffix, crs, gdal_file, f"{turned} silent", swapped=swapped))
                if crs not in {GCJ02, BD09}:
                    found.append(_way(suffix, crs, gdal_file, f"{turned} right", swapped=swapped, declared=crs))
        found.append(_way("geojson", crs, geojson_file, " right", declared=crs))
        for lie in LIES[crs]:
            found.append(_way("geojson", crs, geojson_file, f" says {lie}", declared=lie))
            if lie not in {GCJ02, BD09}:
                found += [_way(suffix, crs, gdal_file, f" says {lie}", declared=lie) for suffix in ("gpkg", "zip")]
        found.append(_way("kml", crs, kml_file) if crs in DEGREES else _way("dxf", crs, dxf_file))
    for origin in ((640_000.0, 3_400_000.0), (500_000.0, 3_000_000.0)):
        found.append(_way("dxf", "EPSG:4549", dxf_file, f" less {origin}", origin=origin))
    return found


def _way(suffix: str, crs: str, make: Callable[..., Path], more: str = "", **options: Any) -> Way:
    def write(folder: Path, shapes: Shapes) -> Path:
        return make(folder / f"普查.{suffix}", shapes, crs, **options)

    return Way(f"{suffix} {crs}{more}", crs, write)


def _tables(geometry: str, crs: str) -> list[Way]:
    found = [
        _way("csv", crs, _as_csv), _way("csv", crs, _as_csv, " swapped", swapped=True), _way("xlsx", crs, _as_workbook),
    ]  # fmt: skip
    if geometry == "POINT":
        words = ("经度", "纬度") if crs in DEGREES else ("东坐标", "北坐标")
        found.append(_way("csv", crs, _as_csv, " in words", heads=words))
        found.append(_way("xlsx", crs, _as_workbook, " in wrong words", heads=words, swapped=True))
        if crs in DEGREES:
            found += [_way("csv", crs, _as_csv, f" spelled {at}", heads=words, spelling=at) for at in range(SPELLINGS)]
    return found


def _as_csv(path: Path, shapes: Shapes, crs: str, **options: Any) -> Path:
    return csv_file(path, table_rows(shapes, crs, **options))


def _as_workbook(path: Path, shapes: Shapes, crs: str, **options: Any) -> Path:
    return workbook(path, table_rows(shapes, crs, **options))
