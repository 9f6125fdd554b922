"""A survey file, read without touching it: a fenced child process reads, and only data comes back."""

from __future__ import annotations

import logging
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from gis_service.coordinates import crs_title, has_code
from gis_service.surveys.files.datum import Claim
from gis_service.surveys.files.errors import SeveralLayersError, SurveyError
from gis_service.surveys.files.fenced_child import fenced_child
from gis_service.surveys.files.frames import FrameError, FrameReader, FrameTimeoutError, FrameTooLargeError
from gis_service.surveys.files.limits import INTERACTIVE, JOB, MOST_LAYERS, SAMPLE_ROWS, ReadLimits

__all__ = [
    "INTERACTIVE",
    "JOB",
    "Batch",
    "ReadLimits",
    "SeveralLayersError",
    "Sheet",
    "SurveyError",
    "mark_survey",
    "read_survey",
]

_log = logging.getLogger(__name__)

_CHILD = "gis_service.surveys.files.child"

GEOMETRIES: Final = ("POINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRY")
_LONGEST_MESSAGE: Final = 600
_LONGEST_NAME: Final = 200
_MOST_SAMPLED: Final = 1000
_DAMAGED: Final = "读取文件的子进程送回了不合约定的内容,没有读入任何数据;请重新导出文件再上传"


@dataclass(frozen=True)
class Sheet:
    """What a survey file is.

    Parameters
    ----------
    columns
        Headers in the file's order.
    crs, crs_evidence
        The coordinate system that was used (``"EPSG:4549"``, ``"GCJ-02"``), and a Chinese sentence: how it is known.
    encoding
        Encoding of its text; None where the format has just one.
    driver
        ``"GeoJSON"``, ``"GPKG"``, ``"ESRI Shapefile"``, ``"KML"``, ``"GPX"``, ``"DXF"``, ``"DAT"`` (CASS), ``"CSV"`` or
        ``"XLSX"``.
    layer
        Layer, shapefile or sheet inside of the file.
    row_count
        Number of rows; None where only reading to the end tells (CSV, XLSX).
    sha256
        Of the file, in hexadecimal.
    notes
        Chinese sentences about what was decided or left out.
    coordinates
        Headers of the columns that the geometry was made of; none where the format has geometries of its own.
    claim
        What stands behind the system.
    sample_rows
        Cells of the first rows, at most 200, for whoever must judge a column by what stands in it.
    placeless
        Whether it is a ledger: a table without coordinates, whose rows have neither geometry nor reason.
    sample
        Points of some of the first rows, as the file has them in ``crs``, easting or longitude first.
    encoding_evidence
        A Chinese sentence: which encoding its text is in, and how that is known; "" where the format has just one.
    lost
        Columns whose numbers a spreadsheet has destroyed (last digits, zeros in front), each with a Chinese sentence.
    cut_columns
        Headers that the format may have cut off at their end (ten bytes of a .dbf), so that they may be only the
        beginning of a known header.
    """

    columns: tuple[str, ...]
    crs: str
    crs_evidence: str
    encoding: str | None
    driver: str
    layer: str | None
    row_count: int | None
    sha256: str
    notes: tuple[str, ...]
    coordinates: tuple[str, ...]
    claim: Claim
    sample: tuple[tuple[float, float], ...]
    sample_rows: tuple[tuple[object, ...], ...]
    placeless: bool
    encoding_evidence: str = ""
    lost: tuple[tuple[str, str], ...] = ()
    cut_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Some rows of a survey file.

    Parameters
    ----------
    first_row
        Number of the first of them in the file, as a person counts data rows, from 1.
    rows
        Values per column: str, int, float, bool or None; dates as ISO strings.
    geometries
        EWKB (little-endian, SRID 4490, two dimensions), or None.
    reasons
        In Chinese, why a row's geometry can't be taken; None where it can.
    repairs
        In Chinese, what was mended of a row's geometry; None where nothing was.
    row_numbers
        Number of each row in the file; not consecutive where rows were dissolved.
    """

    first_row: int
    rows: list[list[object]]
    geometries: list[bytes | None]
    reasons: list[str | None]
    repairs: list[str | None]
    row_numbers: Sequence[int]


@contextmanager
def read_survey(
    path: Path,
    *,
    geometry: str,
    crs: str | None = None,
    layer: str | None = None,
    dissolve: str | None = None,
    limits: ReadLimits = INTERACTIVE,
    name: str | None = None,
    metric_srid: int | None = None,
    ledgers: bool = False,
) -> Iterator[tuple[Sheet, Iterator[Batch]]]:
    """Read a survey file in a fenced child process, batch by batch with flat memory.

    Parameters
    ----------
    path
        GeoJSON, GeoPackage, KML, KMZ, GPX, DXF, .dat of CASS, CSV, XLSX, or a .zip of one of them or of a Shapefile.
    geometry
        What the layer takes: ``"POINT"``, ``"MULTILINESTRING"``, ``"MULTIPOLYGON"`` (single ones are promoted) or
        ``"GEOMETRY"`` (points, lines and polygons as they are).
    crs
        The system the sender states, as :func:`gis_service.coordinates.parse_crs` reads it; goes before the file's own.
    layer
        Layer of a GeoPackage or drawing, shapefile or file in an archive, or sheet of a workbook.
    dissolve
        A column: rows with the same value in it become one.
    limits
        What the reading may cost.
    name
        The name the file was sent under, when its path has another extension.
    metric_srid
        The area's own metric system; metres without zone prefix are read in it when nothing states a system.
    ledgers
        Whether a table without coordinates is taken too; its rows come without geometry. So do rows without
        coordinates of a table that has them: they have neither geometry nor reason.

    Yields
    ------
    tuple of Sheet and iterator of Batch
        The child is gone when the block is left, read to the end or not.

    Raises
    ------
    SeveralLayersError
        It holds several layers and none was named.
    SurveyError
        The file can't be taken; also while iterating. Nothing read before counts then.
    """
    if geometry not in GEOMETRIES:
        msg = f"图层的几何类型“{geometry}”不在可读的类型 {'、'.join(GEOMETRIES)} 之中"
        raise SurveyError(msg)
    _check_file(path, name or path.name, limits)
    request = {
        "path": str(path.resolve()),
        "name": name or path.name,
        "wish": {
            "geometry": geometry,
            "crs": crs,
            "layer": layer,
            "dissolve": dissolve,
            "metric_srid": metric_srid,
            "ledgers": ledgers,
        },
        "limits": asdict(limits),
    }
    with tempfile.TemporaryDirectory(prefix="survey-") as folder, fenced_child(_CHILD, folder, request) as process:
        reader = FrameReader(cast("BinaryIO", process.stdout), wait_s=limits.wall_s, most_bytes=limits.output_bytes)
        header, _ = _next_frame(reader, process, limits)
        sheet = _sheet(header)
        yield sheet, _batches(reader, process, limits, width=len(sheet.columns))


def mark_survey(
    path: Path, *, name: str, layer: str | None, columns: Sequence[str],
    marks: Mapping[int, Sequence[tuple[str | None, str, bool]]],
) -> bytes:  # fmt: skip
    """Return a workbook with marked cells, made in the fenced child (see :mod:`gis_service.surveys.files.marking`).

    Raises
    ------
    SurveyError
        When the workbook can't be opened or its header isn't found again.
    """
    limits = INTERACTIVE
    _check_file(path, name, limits)
    request = {
        "path": str(path.resolve()), "name": name, "sheet": layer, "columns": list(columns),
        "marks": {str(row): said for row, said in marks.items()}, "limits": asdict(limits),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="survey-") as folder, fenced_child(_CHILD, folder, request) as process:
        reader = FrameReader(cast("BinaryIO", process.stdout), wait_s=limits.wall_s, most_bytes=limits.output_bytes)
        header, body = _next_frame(reader, process, limits)
    if header.get("kind") != "workbook":
        raise SurveyError(_DAMAGED)
    return body


def _check_file(path: Path, name: str, limits: ReadLimits) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        msg = f"找不到文件 {name},或没有权限;请核对路径"
        raise SurveyError(msg) from error
    if not path.is_file():
        msg = f"{name} 不是文件;请给出一个文件,Shapefile 请先打包成 .zip"
        raise SurveyError(msg)
    if size == 0:
        msg = f"文件 {name} 是空的;请重新导出再上传"
        raise SurveyError(msg)
    if size > limits.file_bytes:
        msg = f"文件 {name} 有 {size / 1e6:.0f} MB,最多 {limits.file_bytes / 1e6:.0f} MB;请分批上传"
        raise SurveyError(msg)


def _next_frame(
    reader: FrameReader, process: subprocess.Popen[bytes], limits: ReadLimits
) -> tuple[dict[str, Any], bytes]:
    try:
        header, body = reader.read()
    except FrameTimeoutError as error:
        msg = f"读取文件超过 {limits.wall_s:g} 秒,已停止;请分批上传"
        raise SurveyError(msg) from error
    except FrameTooLargeError as error:
        msg = f"文件读出来的数据超过 {limits.output_bytes / 1e6:.0f} MB,已停止;请分批上传"
        raise SurveyError(msg) from error
    except FrameError as error:
        raise SurveyError(_why_it_ended(process, limits)) from error
    if header.get("kind") != "batch":
        header = cast("dict[str, object]", _without_nul(header))
    if header.get("kind") == "error":
        if "at" in header:
            _log.warning("the reading child failed at %.200s", header["at"])
        layers = header.get("layers")
        if isinstance(layers, list) and layers:
            raise SeveralLayersError([str(name)[:_LONGEST_NAME] for name in layers[:MOST_LAYERS]])
        raise SurveyError(str(header.get("message"))[:_LONGEST_MESSAGE])
    return cast("dict[str, Any]", header), body


def _without_nul(told: object) -> object:
    """Replace NUL, which the database's texts can't hold, in what is told of a file; rows with one are refused."""
    if isinstance(told, str):
        return told.replace("\0", "\ufffd")
    if isinstance(told, list):
        return [_without_nul(one) for one in told]
    if isinstance(told, dict):
        return {name: _without_nul(one) for name, one in told.items()}
    return told


def _why_it_ended(process: subprocess.Popen[bytes], limits: ReadLimits) -> str:
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return _DAMAGED
    _log.warning("the reading child ended with code %s", code)
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return f"读取文件用了超过 {limits.cpu_s} 秒的处理器时间或太多内存,已停止;请分批上传"
    return "读取文件的子进程中途退出,文件可能已损坏或太大;请重新导出再上传"


def _sheet(header: dict[str, Any]) -> Sheet:
    try:
        if header["kind"] != "sheet":
            raise SurveyError(_DAMAGED)
        if has_code(str(header["crs"])):
            # One that this process doesn't know either is no code.
            crs_title(str(header["crs"]))
        return Sheet(
            columns=tuple(str(name) for name in header["columns"]),
            crs=str(header["crs"]),
            crs_evidence=str(header["crs_evidence"]),
            encoding=header["encoding"],
            encoding_evidence=str(header["encoding_evidence"]),
            lost=tuple((str(column), str(sentence)) for column, sentence in header["lost"]),
            cut_columns=tuple(str(name) for name in header["cut_columns"]),
            driver=str(header["driver"]),
            layer=header["layer"],
            row_count=header["row_count"],
            sha256=str(header["sha256"]),
            notes=tuple(str(note) for note in header["notes"]),
            coordinates=tuple(str(name) for name in header["coordinates"]),
            claim=Claim(header["claim"]),
            sample=tuple((float(x), float(y)) for x, y in header["sample"][:_MOST_SAMPLED]),
            sample_rows=tuple(tuple(row) for row in header["sample_rows"][:SAMPLE_ROWS]),
            placeless=bool(header["placeless"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SurveyError(_DAMAGED) from error


def _batches(
    reader: FrameReader, process: subprocess.Popen[bytes], limits: ReadLimits, *, width: int
) -> Iterator[Batch]:
    while True:
        header, body = _next_frame(reader, process, limits)
        if header.get("kind") == "end":
            return
        yield _batch(header, body, width)


def _batch(header: dict[str, Any], body: bytes, width: int) -> Batch:
    """Unpack a frame; the child may have been taken over by what it read, so nothing in it is believed.

    Raises
    ------
    SurveyError
        It isn't what was agreed.
    """
    try:
        rows, lengths, numbers = header["rows"], header["lengths"], header["numbers"]
        reasons, repairs = (_sentences(header[name], len(rows)) for name in ("reasons", "repairs"))
        ends = list(accumulate((max(length, 0) for length in lengths), initial=0))
        agreed = (
            header["kind"] == "batch"
            and len(lengths) == len(rows)
            and ends[-1] == len(body)
            and all(type(row) is list and len(row) == width for row in rows)
        )
        if not agreed:
            raise SurveyError(_DAMAGED)
        geometries = [
            None if length < 0 else body[start:end]
            for length, (start, end) in zip(lengths, pairwise(ends), strict=True)
        ]
        first = int(numbers[0])
        consecutive = len(numbers) != len(rows)
        row_numbers = range(first, first + len(rows)) if consecutive else [int(number) for number in numbers]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SurveyError(_DAMAGED) from error
    return Batch(first, rows, geometries, reasons, repairs, row_numbers)


def _sentences(given: dict[str, object], count: int) -> list[str | None]:
    """Spread sentences that are given by position over a batch's rows."""
    found: list[str | None] = [None] * count
    for at, sentence in given.items():
        found[int(at)] = str(sentence)[:_LONGEST_MESSAGE]
    return found
