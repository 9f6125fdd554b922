"""The process that touches a form from outside: ``python -m gis_service.reports.files.child``, started by ``opening``.

It reads one request (JSON) from its standard input and writes one frame to its standard output: what was found, the
filled file, or an error. It has no network, a clean environment, and can write no file.
"""

from __future__ import annotations

import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any

import orjson

from gis_service.reports.files.document_filling import fill_document
from gis_service.reports.files.document_places import find_in_document
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import Filling
from gis_service.reports.files.package import open_package
from gis_service.reports.files.workbook_filling import fill_workbook
from gis_service.reports.files.workbook_places import find_in_workbook
from gis_service.surveys.files.fence import close_network, forbid_writing, limit_resources
from gis_service.surveys.files.frames import write_frame
from gis_service.surveys.files.limits import ReadLimits


def main() -> int:
    """Answer one request behind the fence; the exit code is 0 when a frame was sent."""
    request: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    limits = ReadLimits(**request["limits"])
    close_network()
    limit_resources(limits)
    forbid_writing()
    pipe = sys.stdout.buffer
    name = Path(request["name"]).name
    try:
        header, body = _answer(request, limits)
        write_frame(pipe, header, body)
    except FormError as error:
        write_frame(pipe, {"kind": "error", "message": str(error)})
    except MemoryError:
        write_frame(pipe, {"kind": "error", "message": f"{name} 太大,内存不够读;请删去用不到的表和图片再填"})
    except (RecursionError, zipfile.BadZipFile, ValueError, OSError, RuntimeError, LookupError) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        # Its own words may quote the form; the log is told the place only.
        at = f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"
        said = f"{name} 已损坏,读不出来;请在 Office 或 WPS 里另存一份再填"
        write_frame(pipe, {"kind": "error", "message": said, "at": at})
    return 0


def _answer(request: dict[str, Any], limits: ReadLimits) -> tuple[dict[str, object], bytes]:
    package = open_package(Path(request["path"]), request["name"], limits)
    if "filling" not in request:
        found = find_in_workbook(package) if package.format == "XLSX" else find_in_document(package)
        return {"kind": "found", "found": found.plain()}, b""
    filling = Filling.of(request["filling"])
    made = fill_workbook(package, filling) if package.format == "XLSX" else fill_document(package, filling)
    return {"kind": "filled"}, made


if __name__ == "__main__":
    sys.exit(main())
