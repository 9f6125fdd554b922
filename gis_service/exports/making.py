"""Files that are made before they are sent: rows go from the database to a child process, which writes them."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import orjson
from sqlalchemy.engine import Connection

from gis_service.errors import UnavailableError
from gis_service.exports.formats import XLSX, FileFormat
from gis_service.exports.order import END, Order, OrderedColumn
from gis_service.exports.selection import Selection, check_rows, row_for_file, rows_as
from gis_service.features.question import SHANGHAI
from gis_service.features.stream import stream_texts

_log = logging.getLogger(__name__)

_ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    "LC_ALL": "C.UTF-8",
    "PROJ_NETWORK": "OFF",
    # The two processors belong to the requests.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
}
"""The whole environment of the child: no address of a database, nothing else of ours."""


@dataclass(frozen=True)
class MadeFile:
    """A file that was made; ``shortened`` says which names of its fields were, as ``name=short; …``."""

    path: Path
    shortened: str


def make_file(
    conn: Connection, selection: Selection, form: FileFormat, folder: Path, wanted: Callable[[], bool] = lambda: True
) -> MadeFile:
    """Write the selected rows to a file, with memory that doesn't grow with them.

    Parameters
    ----------
    conn
        A connection inside a transaction of the selection's scope.
    folder
        An empty folder for the file and what it is made of; the caller removes it.
    wanted
        Asked between batches; False ends the work.

    Raises
    ------
    InputError
        When there are more rows than the format holds.
    UnavailableError
        When the file can't be written, for example for want of space; or when it is no longer wanted.
    """
    if form is XLSX:
        check_rows(conn, selection)
    path = folder / f"{selection.layer.name}.{'zip' if form.name == 'shp' else form.name}"
    with _child(folder) as process:
        stdin = cast("IO[bytes]", process.stdin)
        try:
            stdin.write(orjson.dumps(_order(selection, form, path).plain()) + b"\n")
            for texts in stream_texts(conn, rows_as(selection, row_for_file(selection, form), form)):
                if not wanted():
                    raise UnavailableError("导出已停止:请求已经断开。", "The export was stopped: the request is gone.")
                stdin.write(b"[" + b",".join(texts) + b"]\n")
            stdin.write(END)
            stdin.close()
        except BrokenPipeError:
            _log.warning("the exporting child ended before it had all rows")
        answer = cast("IO[bytes]", process.stdout).read()
        code = process.wait()
    if code != 0 or not path.exists():
        said = (folder / "errors.txt").read_text(encoding="utf-8", errors="replace")
        _log.error("the exporting child ended with code %s: %s", code, said[-2000:])
        raise UnavailableError(
            f"{form.title} 文件没有写成,可能是磁盘空间不足或数据太大;请缩小范围,或改用 CSV。",
            f"The {form.name} file couldn't be written, for want of space or for its size; ask for less, or for CSV.",
        )
    return MadeFile(path, orjson.loads(answer).get("shortened", ""))


@contextmanager
def export_folder() -> Iterator[Path]:
    """Make an empty folder for one export, and remove it with everything in it."""
    with tempfile.TemporaryDirectory(prefix="gis-export-") as folder:
        yield Path(folder)


def _order(selection: Selection, form: FileFormat, path: Path) -> Order:
    layer, question = selection.layer, selection.question
    now = datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    moment = question.as_of.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if question.as_of else now
    about = (
        ("图层", f"{layer.title}:{layer.summary}"),
        ("坐标系", f"EPSG:{selection.system.srid} {selection.system.title}"),
        ("数据时点", f"{moment}(北京时间)"),
        ("导出时间", f"{now}(北京时间)"),
    )
    columns = tuple(
        # A sheet for people already holds labels, which are texts.
        OrderedColumn(column.name, column.title, str(column.kind), column.codes)
        for column in selection.columns
    )
    return Order(
        form.name, str(path), layer.name, layer.title, layer.geometry, selection.system.srid, selection.axes,  # type: ignore[arg-type]
        columns, about,
    )  # fmt: skip


@contextmanager
def _child(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the child in the folder, and see it gone at the end."""
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", "-m", "gis_service.exports.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder, env=_ENVIRONMENT,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            # What the child no longer reads is of no use to anyone.
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):
                    cast("IO[bytes]", pipe).close()
