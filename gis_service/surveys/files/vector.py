"""Shapefiles and GeoPackages, read through GDAL inside the fence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from gis_service.surveys.files.datum import settle_datum
from gis_service.surveys.files.dbf_text import DbfText, read_dbf_text, whole_characters
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.fence import forbid_writing
from gis_service.surveys.files.geometry import built_closing_rings
from gis_service.surveys.files.geopackage import layers_of_geopackage, left_open
from gis_service.surveys.files.layer_choice import choose_layer
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Chunk, Source, Wish, turned_chunks

# Each piece opens the file anew, so pieces are larger than what goes over the pipe.
_CHUNK_ROWS: Final = 20_000
_SAMPLE_ROWS: Final = 1_000
_GDAL_ERRORS: Final = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)
_PLAIN_TYPES: Final = {str, type(None)}
_UNREADABLE: Final = "文件内容已损坏,读不出来;请重新导出再上传"


def open_shapefile(shape: Path, name: str, wish: Wish, limits: ReadLimits) -> Source:
    """Open a shapefile that we unpacked.

    Parameters
    ----------
    shape, name
        The .shp, with its other parts beside it, and its name as people know it.

    Raises
    ------
    SurveyError
        It can't be taken.
    CoordinateError
        Its coordinate system is unknown.
    """
    declared = shape.with_suffix(".cpg")
    code_page = declared.read_text("ascii", errors="replace")[:40] if declared.exists() else None
    # GDAL would read the .cpg too and convert a second time.
    declared.unlink(missing_ok=True)
    text = read_dbf_text(shape.with_suffix(".dbf").read_bytes(), code_page)
    forbid_writing()
    projection = shape.with_suffix(".prj")
    wkt = projection.read_text("utf-8", errors="replace") if projection.exists() else None
    return _open(
        _Drawer(shape, "ESRI Shapefile", None, name, text), wish, limits,
        declared=(wkt, "压缩包里的 .prj 写明"), notes=(text.note,) if text.note else (),
    )  # fmt: skip


def open_geopackage(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open one layer of a GeoPackage.

    Raises
    ------
    SeveralLayersError
        It has several layers and none is named.
    SurveyError
        It can't be taken.
    CoordinateError
        Its coordinate system is unknown.
    """
    forbid_writing()
    layer = choose_layer(layers_of_geopackage(path), wish.layer)
    note = left_open(path)
    return _open(
        _Drawer(path, "GPKG", layer, layer, None), wish, limits,
        declared=(None, "GeoPackage 写明"), notes=(note,) if note else (),
    )  # fmt: skip


@dataclass(frozen=True)
class _Drawer:
    """What GDAL is asked to open, how, and what is known of its text."""

    path: Path
    driver: str
    layer: str | None
    title: str
    text: DbfText | None

    @property
    def codec(self) -> str | None:
        return self.text.encoding.codec if self.text else None

    @property
    def options(self) -> dict[str, Any]:
        if self.text:
            # Latin-1 keeps every byte, so that names and values can be decoded by us with what is cut off marked.
            return {"layer": self.layer, "encoding": "ISO-8859-1"}
        # Without this a file saved in WAL mode would have GDAL write beside it.
        return {"layer": self.layer, "IMMUTABLE": "YES"}


def _open(
    drawer: _Drawer, wish: Wish, limits: ReadLimits, *, declared: tuple[str | None, str], notes: tuple[str, ...]
) -> Source:
    try:
        info = pyogrio.read_info(drawer.path, force_feature_count=True, **drawer.options)
    except _GDAL_ERRORS as error:
        raise SurveyError(_UNREADABLE) from error
    if info["geometry_type"] is None:
        msg = f"图层“{drawer.title[:60]}”没有几何;请核对导出的图层"
        raise SurveyError(msg)
    _check_size(info, limits)
    points = _sample(drawer, int(info["features"]))
    wkt, declared_by = declared
    datum = settle_datum(
        points[:, 0], points[:, 1], stated=wish.crs, metric_srid=wish.metric_srid, turnable=True,
        declared=wkt or (info["crs"] if drawer.driver == "GPKG" else None), declared_by=declared_by,
    )  # fmt: skip
    if any(mark in info["geometry_type"] for mark in (" Z", " M", "2.5D", "3D")):
        notes = (*notes, "几何带有高程(Z)或 M 值,已去掉")
    columns = tuple(_whole_name(str(name), drawer.codec) for name in info["fields"])
    chunks = _chunks(drawer, int(info["features"]))
    return Source(
        columns, datum.crs, datum.evidence, datum.claim, drawer.codec, drawer.driver, drawer.title,
        int(info["features"]), turned_chunks(chunks) if datum.swapped else chunks, notes,
        encoding_evidence=drawer.text.encoding.evidence if drawer.text else "",
        cut_columns=tuple(dict.fromkeys(name for name in drawer.text.cut if name in columns)) if drawer.text else (),
    )  # fmt: skip


def _sample(drawer: _Drawer, count: int) -> NDArray[np.float64]:
    """Return vertices of some rows, from all over the layer."""
    skipped = max(0, count - _SAMPLE_ROWS) // 2
    try:
        _, _, wkb, _ = raw.read(
            drawer.path, columns=[], skip_features=skipped, max_features=_SAMPLE_ROWS, force_2d=True, **drawer.options
        )
    except (*_GDAL_ERRORS, ValueError) as error:
        raise SurveyError(_UNREADABLE) from error
    return np.asarray(shapely.get_coordinates(shapely.from_wkb(wkb, on_invalid="ignore")), dtype=np.float64)


def _check_size(info: dict[str, Any], limits: ReadLimits) -> None:
    if info["features"] <= 0:
        msg = "图层里没有要素;请核对导出的图层"
        raise SurveyError(msg)
    if info["features"] > limits.rows:
        msg = f"文件有 {info['features']} 行,最多 {limits.rows} 行;请分批上传"
        raise SurveyError(msg)
    if len(info["fields"]) > limits.columns:
        msg = f"文件有 {len(info['fields'])} 个属性列,最多 {limits.columns} 个;请只保留要上传的列"
        raise SurveyError(msg)


def _chunks(drawer: _Drawer, count: int) -> Iterator[Chunk]:
    for start in range(0, count, _CHUNK_ROWS):
        try:
            meta, _, wkb, values = raw.read(
                drawer.path, skip_features=start, max_features=_CHUNK_ROWS, datetime_as_string=True, force_2d=True,
                **drawer.options,
            )  # fmt: skip
        except (*_GDAL_ERRORS, ValueError) as error:
            raise SurveyError(_UNREADABLE) from error
        columns = [_plain(column, kind, drawer.codec) for column, kind in zip(values, meta["ogr_types"], strict=True)]
        rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in wkb]
        geometries, repairs = built_closing_rings(wkb, shapely.from_wkb)
        broken = np.flatnonzero(shapely.is_missing(geometries) & np.array([piece is not None for piece in wkb]))
        yield Chunk(rows, geometries, {int(position): "几何已损坏,读不出来" for position in broken}, repairs)


def _plain(column: NDArray[Any], kind: str, encoding: str | None) -> list[object]:
    """Turn one column into plain values: numbers that stand for missing ones become None."""
    if column.dtype.kind == "M":
        return [None if np.isnat(value) else str(value) for value in column]
    if column.dtype.kind == "f":
        whole = kind.startswith("OFTInteger")
        return [None if value != value else int(value) if whole else value for value in column.tolist()]  # noqa: PLR0124
    if column.dtype.kind != "O":
        return list(column.tolist())
    values = column.tolist()
    if encoding is None and {type(value) for value in values} <= _PLAIN_TYPES:
        return list(values)
    return [_plain_object(value, encoding) for value in values]


def _plain_object(value: object, encoding: str | None) -> object:
    if isinstance(value, str):
        return _decoded(value, encoding)
    if isinstance(value, bytes):
        # A picture or other bytes inside of a table; no field takes it.
        return None
    if isinstance(value, np.ndarray | list):
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return value


def _decoded(text: str, encoding: str | None) -> str:
    if encoding is None or text.isascii():
        return text
    return text.encode("latin-1", errors="replace").decode(encoding, errors="replace")


def _whole_name(text: str, encoding: str | None) -> str:
    """Decode a field's name without the half of a character that its ten bytes may end in."""
    if encoding is None or text.isascii():
        return text
    raw_name = text.encode("latin-1", errors="replace")
    return whole_characters(raw_name, encoding)[0] or raw_name.decode(encoding, errors="replace")
