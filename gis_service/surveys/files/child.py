"""The process that touches a stranger's file: ``python -m gis_service.surveys.files.child``, started by ``reading``.

It reads one request (JSON) from its standard input, and writes frames to its standard output: a sheet, batches, and an
end; or one error.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # pyogrio imports these when they are there; nothing here needs them and they double the time to start.
    for unneeded in ("geopandas", "pandas", "pyarrow"):
        sys.modules[unneeded] = None  # type: ignore[assignment] # documented: the import then fails.

import gc
import traceback
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyogrio

from gis_service.coordinates import CoordinateError
from gis_service.surveys.files.errors import SeveralLayersError, SurveyError
from gis_service.surveys.files.fence import close_network, drivers_as_agreed, limit_resources
from gis_service.surveys.files.frames import write_frame
from gis_service.surveys.files.intake import batches, open_source, sampled, sheet_frame
from gis_service.surveys.files.limits import MOST_LAYERS, ReadLimits
from gis_service.surveys.files.marking import mark_workbook
from gis_service.surveys.files.source import Wish

NETWORK_OPEN = "这台机器不允许隔离子进程的网络;文件仍在限定驱动、内存和时间的子进程里读取"


def main() -> int:
    """Read one file behind the fence.

    Returns
    -------
    int
        The exit code: 0 when everything, or a reason against the file, has been sent.
    """
    request: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    limits = ReadLimits(**request["limits"])
    notes = () if close_network() else (NETWORK_OPEN,)
    limit_resources(limits)
    # Millions of small lists make the collector's rounds cost more than the parsing; this process is soon gone.
    gc.disable()
    pipe = sys.stdout.buffer
    try:
        if not drivers_as_agreed(pyogrio.list_drivers()):
            msg = "读取文件的组件与约定的驱动清单不一致,为安全起见不读任何文件;请联系管理员检查 pyogrio 的版本"
            raise SurveyError(msg)  # noqa: TRY301 - said in the same way as every other reason.
        _read(request, limits, notes, pipe)
    except SeveralLayersError as error:
        write_frame(pipe, {"kind": "error", "message": str(error), "layers": error.names[:MOST_LAYERS]})
    except (SurveyError, CoordinateError) as error:
        write_frame(pipe, {"kind": "error", "message": str(error)})
    except MemoryError:
        write_frame(pipe, {"kind": "error", "message": "文件内容太大,内存不够读;请分批上传"})
    except PermissionError:
        write_frame(pipe, {"kind": "error", "message": "没有权限读取文件;请核对文件的权限"})
    except (RecursionError, zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:
        write_frame(pipe, {"kind": "error", "message": "文件内容已损坏,读不出来;请重新导出再上传", "at": _place(error)})
    return 0


def _read(request: dict[str, Any], limits: ReadLimits, notes: tuple[str, ...], pipe: BinaryIO) -> None:
    if "marks" in request:
        made = mark_workbook(Path(request["path"]), request["sheet"], request["columns"], request["marks"], limits)
        write_frame(pipe, {"kind": "workbook"}, made)
        return
    path, wish = Path(request["path"]), Wish(**request["wish"])
    # The working directory is an empty one made for this process.
    source, numbers = open_source(path, request["name"], wish, limits, folder=Path.cwd())
    source, sample, rows = sampled(source)
    write_frame(pipe, sheet_frame(source, sample, rows, path, notes))
    for header, body in batches(source, numbers, wish, limits):
        write_frame(pipe, header, body)
    write_frame(pipe, {"kind": "end"})


def _place(error: BaseException) -> str:
    """Say where an unforeseen error arose, for the log; its own words may quote the file or a path."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"


if __name__ == "__main__":
    sys.exit(main())
