"""``gis-service worker``: takes up long work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.start import opened_database, originals_of, read_settings, sheet_files_of
from api.worker import Places, end_with_parent

_PAUSE_SECONDS = 2.0


def worker(
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
    once: Annotated[bool, typer.Option("--once", help="做完现有的工作就结束")] = False,
) -> None:
    """处理后台的工作(读大文件、大批入库、出图);服务自己会启动它,也可以在别处另外运行。"""
    from api.handlers import work  # noqa: PLC0415 - half a second, which no other command should take

    if once:
        end_with_parent()
    settings = read_settings()
    with opened_database(settings, data) as database:
        places = Places(originals_of(settings, data), sheet_files_of(settings, data), settings.public_url)
        work(database, places)
        while not once:
            time.sleep(_PAUSE_SECONDS)
            work(database, places)
