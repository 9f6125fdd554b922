"""GeoJSON, parsed by ourselves: no driver guesses what it might be, and values keep the types they are written with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from gis_service.surveys.files.datum import Claim, settle_datum
from gis_service.surveys.files.encodings import Encoding, encoding_of_text
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.geometry import RING_CLOSED
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Chunk, Source, Wish, turned_chunks

_CHUNK_ROWS: Final = 5_000
_GEOMETRY_TYPES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
# How deep the positions of a type lie: 0 is one position, 3 is a list of lists of lists of positions.
_DEPTHS: Final = {
    "Point": (0, shapely.GeometryType.POINT),
    "MultiPoint": (1, shapely.GeometryType.MULTIPOINT),
    "LineString": (1, shapely.GeometryType.LINESTRING),
    "MultiLineString": (2, shapely.GeometryType.MULTILINESTRING),
    "Polygon": (2, shapely.GeometryType.POLYGON),
    "MultiPolygon": (3, shapely.GeometryType.MULTIPOLYGON),
}
_MULTIPOLYGON: Final = shapely.GeometryType.MULTIPOLYGON
_SAMPLE_ROWS: Final = 1_000
_BROKEN: Final = "几何写法不合 GeoJSON 标准"


def open_geojson(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Parse a GeoJSON file.

    Raises
    ------
    SurveyError
        It isn't GeoJSON, or it is too large.
    CoordinateError
        Its coordinate system is unknown.
    """
    document, encoding = _document(path)
    features = _features(document)
    if len(features) > limits.rows:
        msg = f"文件有 {len(features)} 行,最多 {limits.rows} 行;请分批上传"
        raise SurveyError(msg)
    columns = _columns(features, limits)
    if not any(feature.get("geometry") for feature in features):
        msg = "文件里没有几何;请核对导出的图层"
        raise SurveyError(msg)
    first = _chunk(features[:_SAMPLE_ROWS], columns)
    points = shapely.get_coordinates(first.geometries)
    declared, declared_by = _declared_crs(document, points)
    datum = settle_datum(
        points[:, 0], points[:, 1], stated=wish.crs, declared=declared, declared_by=declared_by,
        claim=Claim.DECLARED if "crs" in document else Claim.FORMAT, metric_srid=wish.metric_srid, turnable=True,
    )  # fmt: skip
    notes = ("几何带有高程(Z),已去掉",) if shapely.has_z(first.geometries).any() else ()
    chunks: Iterator[Chunk] = (
        _chunk(features[at : at + _CHUNK_ROWS], columns) for at in range(0, len(features), _CHUNK_ROWS)
    )
    if datum.swapped:
        chunks = turned_chunks(chunks)
    return Source(
        columns,
        datum.crs,
        datum.evidence,
        datum.claim,
        encoding.codec,
        "GeoJSON",
        None,
        len(features),
        chunks=chunks,
        notes=notes,
        encoding_evidence=encoding.evidence,
    )


def _document(path: Path) -> tuple[dict[str, Any], Encoding]:
    encoding = encoding_of_text(path)
    data = path.read_bytes()
    if encoding.codec != "utf-8":
        data = data.decode(encoding.codec).encode()
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        msg = f"文件不是完好的 JSON(第 {error.lineno} 行附近);请重新导出再上传"
        raise SurveyError(msg) from error
    if not isinstance(document, dict):
        msg = "文件不是 GeoJSON:最外层应是 FeatureCollection;请重新导出再上传"
        raise SurveyError(msg)
    return document, encoding


def _features(document: dict[str, Any]) -> list[dict[str, Any]]:
    kind = document.get("type")
    if kind == "Feature":
        return [document]
    if isinstance(kind, str) and kind in _GEOMETRY_TYPES:
        return [{"type": "Feature", "properties": {}, "geometry": document}]
    features = document.get("features")
    if kind != "FeatureCollection" or not isinstance(features, list):
        msg = "文件不是 GeoJSON:最外层应是 FeatureCollection、Feature 或几何;请重新导出再上传"
        raise SurveyError(msg)
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
            msg = f"第 {number} 个要素不是 GeoJSON 的 Feature;请重新导出再上传"
            raise SurveyError(msg)
    if not features:
        msg = "文件里没有要素;请核对导出的图层"
        raise SurveyError(msg)
    return features


def _columns(features: list[dict[str, Any]], limits: ReadLimits) -> tuple[str, ...]:
    """Collect the property names in the order they first appear; a feature's own id counts as column ``id``."""
    names: dict[str, None] = {}
    for feature in features:
        names.update(dict.fromkeys(feature.get("properties") or ()))
        if len(names) > limits.columns:
            msg = f"文件有超过 {limits.columns} 个属性列;请只保留要上传的列"
            raise SurveyError(msg)
    if "id" not in names and any(feature.get("id") is not None for feature in features):
        names["id"] = None
    return tuple(names)


def _declared_crs(document: dict[str, Any], points: NDArray[np.float64]) -> tuple[str | None, str]:
    """Read the crs member of old GeoJSON; without one RFC 7946 says WGS 84, unless the numbers aren't degrees."""
    member = document.get("crs")
    name = member.get("properties", {}).get("name") if isinstance(member, dict) else None
    if isinstance(name, str):
        return name, "GeoJSON 的 crs 写明"
    if points.size and np.nanmax(np.abs(points)) > 360:
        return None, ""
    return "EPSG:4326", "GeoJSON 没有另写坐标系,按标准(RFC 7946)是"


def _chunk(features: list[dict[str, Any]], columns: tuple[str, ...]) -> Chunk:
    members = [feature.get("geometry") for feature in features]
    geometries, reasons = _geometries(members)
    return Chunk(_rows(features, columns), geometries, reasons, _rings_closed(members, geometries))


def _rings_closed(members: Sequence[Any], built: NDArray[np.object_]) -> dict[int, str]:
    """Tell which areas have a ring that was closed when it was built: they have more vertices than was written."""
    areal = np.flatnonzero(np.isin(shapely.get_type_id(built), (shapely.GeometryType.POLYGON, _MULTIPOLYGON)))
    counts = shapely.get_num_coordinates(built[areal]).tolist()
    return {
        at: RING_CLOSED
        for at, count in zip(areal.tolist(), counts, strict=True)
        if count > _written(members[at]["coordinates"], _DEPTHS[members[at]["type"]][0])
    }


def _written(coordinates: Any, depth: int) -> int:
    return len(coordinates) if depth == 1 else sum(_written(part, depth - 1) for part in coordinates)


def _rows(features: list[dict[str, Any]], columns: tuple[str, ...]) -> list[list[object]]:
    rows: list[list[object]] = []
    for feature in features:
        properties = feature.get("properties") or {}
        row = [properties.get(name) for name in columns]
        for position, value in enumerate(row):
            if type(value) is dict or type(value) is list:
                row[position] = orjson.dumps(value).decode()
        rows.append(row)
    if "id" in columns:
        at = columns.index("id")
        for row, feature in zip(rows, features, strict=True):
            if row[at] is None and isinstance(feature.get("id"), str | int):
                row[at] = feature["id"]
    return rows


def _geometries(members: Sequence[object]) -> tuple[NDArray[np.object_], dict[int, str]]:
    """Build geometries type by type at once; where one of a type is broken, that type is built one by one."""
    built = np.full(len(members), None, dtype=object)
    reasons: dict[int, str] = {}
    positions_of: dict[object, list[int]] = {}
    for position, member in enumerate(members):
        if member is not None:
            kind = member.get("type") if isinstance(member, dict) else None
            positions_of.setdefault(kind if isinstance(kind, str) else None, []).append(position)
    for kind, positions in positions_of.items():
        of_kind = [members[position] for position in positions]
        whole = _built_at_once(str(kind), of_kind) if kind in _DEPTHS else None
        if whole is not None:
            built[positions] = whole
            continue
        for position, member in zip(positions, of_kind, strict=True):
            built[position] = _built_alone(member)
            if built[position] is None:
                reasons[position] = _BROKEN
    return built, reasons


def _built_at_once(kind: str, members: list[Any]) -> NDArray[np.object_] | None:
    """Flatten coordinates level by level into arrays; None when something doesn't have the expected shape."""
    depth, geometry_type = _DEPTHS[kind]
    try:
        level = [member["coordinates"] for member in members]
        offsets: list[NDArray[np.int64]] = []
        for _ in range(depth):
            sizes = np.fromiter(map(len, level), dtype=np.int64, count=len(level))
            if not sizes.all():
                return None
            offsets.append(np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)]))
            level = list(chain.from_iterable(level))
        dimensions = set(map(len, level))
        if not dimensions <= {2, 3}:
            return None
        if len(dimensions) > 1:
            level = [position[:2] for position in level]
        points = np.array(level)
        if points.dtype.kind not in "iuf":
            return None
        points = points.astype(np.float64)
        built: NDArray[np.object_] = shapely.from_ragged_array(geometry_type, points, tuple(reversed(offsets)) or None)
    except (TypeError, KeyError, ValueError, shapely.errors.ShapelyError):
        return None
    return built


def _built_alone(member: object) -> object | None:
    if not isinstance(member, dict) or member.get("type") not in _GEOMETRY_TYPES:
        return None
    try:
        built: object = shapely.from_geojson(orjson.dumps(member))
    except (ValueError, TypeError, shapely.errors.ShapelyError):
        return None
    return built
