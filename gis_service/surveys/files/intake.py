"""What the child does with a file, from its first byte to the last batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import shapely

from gis_service.coordinates import crs_title, has_code
from gis_service.digest import sha256_of
from gis_service.surveys.files.archives import unpack_kml, unpack_survey
from gis_service.surveys.files.cass import open_cass
from gis_service.surveys.files.dissolve import dissolved
from gis_service.surveys.files.dxf import open_dxf
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.fence import forbid_writing
from gis_service.surveys.files.geojson import open_geojson
from gis_service.surveys.files.geometry import Fitting
from gis_service.surveys.files.gpx import open_gpx
from gis_service.surveys.files.kind import kind_of
from gis_service.surveys.files.kml import open_kml
from gis_service.surveys.files.limits import SAMPLE_ROWS, ReadLimits
from gis_service.surveys.files.source import Source, Wish
from gis_service.surveys.files.tables import open_csv
from gis_service.surveys.files.vector import open_geopackage, open_shapefile
from gis_service.surveys.files.workbooks import open_workbook

BATCH_ROWS: Final = 5_000
MOST_SAMPLED: Final = 400
# One frame holds at most about this many vertices (16 bytes each), whatever the number of rows.
_BATCH_VERTICES: Final = 500_000
_LONGEST_NAME: Final = 255
# Enough to judge a column by; one text may stand in every cell of a workbook that is small on the disk.
_LONGEST_SAMPLED: Final = 1_000
_FRAME_BYTES: Final = 16 << 20


def open_source(path: Path, name: str, wish: Wish, limits: ReadLimits, *, folder: Path) -> tuple[Source, list[int]]:
    """Open a file of any accepted kind.

    Parameters
    ----------
    path, name
        The file, and the name it was sent under, whose extension counts.
    folder
        An empty folder for unpacking.

    Returns
    -------
    tuple
        The source; and the numbers of its rows in the file where they aren't 1, 2, 3…, otherwise an empty list.

    Raises
    ------
    SurveyError
        The file can't be taken.
    CoordinateError
        Its coordinate system is unknown or can't be converted exactly.
    """
    kind = kind_of(path, name)
    source = _packed(kind, path, wish, limits, folder) if kind in {"ZIP", "KMZ"} else _plain(kind, path, wish, limits)
    _check_names(source.columns)
    return dissolved(source, wish.dissolve, wish.geometry) if wish.dissolve else (source, [])


def _check_names(columns: Collection[str]) -> None:
    """Refuse headers that are none: comparing them with the known ones costs as much as they are long, squared."""
    for number, name in enumerate(columns, start=1):
        if len(name) > _LONGEST_NAME:
            msg = f"第 {number} 列的列名有 {len(name):,} 个字,最多 {_LONGEST_NAME} 个;请核对表头"
            raise SurveyError(msg)


def _packed(kind: str, path: Path, wish: Wish, limits: ReadLimits, folder: Path) -> Source:
    """Open what an archive holds; after its unpacking nothing may be written any more."""
    if kind == "KMZ":
        inner = unpack_kml(path, folder, wish.layer, limits)
        forbid_writing()
        return open_kml(inner.path, inner.name, wish, limits)
    inner = unpack_survey(path, folder, wish.layer, limits)
    if inner.path.suffix == ".shp":
        return open_shapefile(inner.path, inner.name, wish, limits)
    forbid_writing()
    # The name chose the file; what it holds is chosen anew.
    within = replace(wish, layer=None) if wish.layer == inner.name else wish
    source = _plain(kind_of(inner.path, inner.name), inner.path, within, limits)
    return replace(source, notes=(f"读取的是压缩包里的 {inner.name[:60]}", *source.notes))


def _plain(kind: str, path: Path, wish: Wish, limits: ReadLimits) -> Source:
    if kind == "KML":
        return open_kml(path, None, wish, limits)
    openers = {
        "GPKG": open_geopackage, "GeoJSON": open_geojson, "GPX": open_gpx, "DXF": open_dxf, "DAT": open_cass,
        "CSV": open_csv, "XLSX": open_workbook,
    }  # fmt: skip
    if kind not in openers:
        msg = "压缩包里还有压缩包;请解开后只打包一层再上传"
        raise SurveyError(msg)
    return openers[kind](path, wish, limits)


def batches(
    source: Source, numbers: list[int], wish: Wish, limits: ReadLimits
) -> Iterator[tuple[dict[str, object], bytes]]:
    """Make the frames of a source: header and concatenated EWKB.

    Raises
    ------
    SurveyError
        There are more rows, vertices or texts than may be.
    """
    fitting = Fitting(wish.geometry, source.crs, geometry_vertices=limits.geometry_vertices, mending=True)
    done = vertices = held = 0
    for chunk in source.chunks:
        counts = shapely.get_num_coordinates(chunk.geometries)
        vertices += int(counts.sum())
        if vertices > limits.vertices:
            msg = f"文件的顶点超过 {limits.vertices} 个;请分批上传"
            raise SurveyError(msg)
        sizes = [len(orjson.dumps(row)) for row in chunk.rows]
        held += sum(sizes)
        if held > limits.unpacked_bytes:
            msg = f"文件里的文字超过 {limits.unpacked_bytes / 1e6:.0f} MB;请分批上传"
            raise SurveyError(msg)
        for start, stop in _pieces(counts, sizes):
            broken = {at - start: why for at, why in chunk.reasons.items() if start <= at < stop}
            mended = {at - start: what for at, what in chunk.repairs.items() if start <= at < stop}
            waiting = {at - start for at in chunk.waiting if start <= at < stop}
            fitted = fitting.fit(chunk.geometries[start:stop], broken, mended)
            rows = chunk.rows[start:stop]
            header: dict[str, object] = {
                "kind": "batch",
                "numbers": numbers[done : done + len(rows)] or [done + 1],
                "rows": rows,
                "lengths": [-1 if wkb is None else len(wkb) for wkb in fitted.geometries],
                # The rows of a ledger are placed later: that they have no geometry is no fault.
                "reasons": {} if source.placeless else _by_position(fitted.reasons, waiting),
                "repairs": _by_position(fitted.repairs),
            }
            yield header, b"".join(wkb for wkb in fitted.geometries if wkb is not None)
            done += len(rows)
    if done > limits.rows:
        msg = f"文件有 {done} 行,最多 {limits.rows} 行;请分批上传"
        raise SurveyError(msg)


def sampled(source: Source) -> tuple[Source, list[list[float]], list[list[object]]]:
    """Return the source again, and of its first rows the cells and some points in its own system."""
    first = next(source.chunks, None)
    if first is None:
        return source, [], []
    known = first.geometries[~(shapely.is_missing(first.geometries) | shapely.is_empty(first.geometries))]
    points = shapely.get_coordinates(shapely.centroid(known[:: len(known) // MOST_SAMPLED + 1]))
    whole = replace(source, chunks=chain((first,), source.chunks))
    rows = [
        [cell[:_LONGEST_SAMPLED] if isinstance(cell, str) else cell for cell in row] for row in first.rows[:SAMPLE_ROWS]
    ]
    return whole, points[np.isfinite(points).all(axis=1)].tolist(), rows


def sheet_frame(
    source: Source, sample: list[list[float]], rows: list[list[object]], path: Path, notes: tuple[str, ...]
) -> dict[str, object]:
    """Make the first frame, which describes the file."""
    return {
        "kind": "sheet",
        "columns": source.columns,
        "crs": source.crs if has_code(source.crs) else _name_of_system(source.crs),
        "crs_evidence": source.crs_evidence,
        "claim": str(source.claim),
        "sample": sample,
        "sample_rows": rows,
        "placeless": source.placeless,
        "encoding": source.encoding,
        "encoding_evidence": source.encoding_evidence,
        "lost": source.lost,
        "cut_columns": source.cut_columns,
        "driver": source.driver,
        "layer": source.layer,
        "row_count": source.row_count,
        "sha256": sha256_of(path),
        "notes": (*source.notes, *notes),
        "coordinates": source.coordinates,
    }


def _name_of_system(definition: str) -> str:
    """Name a system without a code; the file may have called it like one that has a code."""
    name = crs_title(definition)[:_LONGEST_NAME]
    return f"“{name}”" if has_code(name) else name


def _by_position(sentences: list[str | None], without: Collection[int] = ()) -> dict[str, str]:
    return {str(at): sentence for at, sentence in enumerate(sentences) if sentence is not None and at not in without}


def _pieces(counts: np.ndarray[tuple[int], np.dtype[np.int32]], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut a chunk by rows, by vertices and by bytes: frames stay small, however much one row repeats."""
    start = vertices = held = 0
    for at, (count, size) in enumerate(zip(counts.tolist(), sizes, strict=True)):
        full = vertices + count > _BATCH_VERTICES or held + size > _FRAME_BYTES
        if at > start and (at - start >= BATCH_ROWS or full):
            yield start, at
            start, vertices, held = at, 0, 0
        vertices += count
        held += size
    if start < len(counts):
        yield start, len(counts)
