"""The process that writes a file: ``python -m gis_service.exports.child``, started by ``making`` only.

GDAL and xlsxwriter would hold the service's interpreter for as long as they write. The order and the rows come as lines
of JSON on the standard input; the answer, one line of JSON, goes to the standard output.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # pyogrio imports these when they are there; nothing here needs them and they double the time to start.
    for unneeded in ("geopandas", "pandas", "pyarrow"):
        sys.modules[unneeded] = None  # type: ignore[assignment] # documented: the import then fails.

import gc
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from gis_service.exports.order import END, Order
from gis_service.exports.shapefile import write_shapefile
from gis_service.exports.spreadsheet import write_xlsx
from gis_service.exports.vector_files import write_flatgeobuf, write_geopackage

_WRITERS = {"xlsx": write_xlsx, "gpkg": write_geopackage, "fgb": write_flatgeobuf, "shp": write_shapefile}


class BrokenOffError(Exception):
    """The rows ended before their end."""


def main() -> int:
    """Write one file and say how it went."""
    # Rows are lists in lists without a cycle; the collector's rounds would cost more than the writing.
    gc.disable()
    pipe = sys.stdin.buffer
    order = Order.of(orjson.loads(pipe.readline()))
    answer = _WRITERS[order.form](order, _batches(pipe))
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    return 0


def _batches(pipe: BinaryIO) -> Iterator[list[list[Any]]]:
    for line in pipe:
        if line == END:
            return
        yield orjson.loads(line)
    raise BrokenOffError


if __name__ == "__main__":
    sys.exit(main())
