"""``gis-service worker``: takes up long work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.start import opened_database, originals_of, read_settings, sheet_files_of
from api.worker import Places, end_with_parent

_PAUSE_SECONDS = 0.2
"""Between two looks for work, each a question of a millisecond."""


def worker(
    data: Annotated[Path | None, typer.Option(help="数据目录,默认 .data(GIS_DATA_DIR)")] = None,
    idle: Annotated[int | None, typer.Option(help="闲了多少秒就结束(0 为做完现有的就结束);不写一直等着")] = None,
) -> None:
    """处理后台的工作(读大文件、大批入库、出图);服务自己会启动它,也可以在别处另外运行。"""
    from api.handlers import work  # noqa: PLC0415 - half a second, which no other command should take

    if idle is not None:
        end_with_parent()
    settings = read_settings()
    with opened_database(settings, data) as database:
        places = Places(
            originals_of(settings, data), sheet_files_of(settings, data), settings.public_url, settings.slide_template
        )  # fmt: skip
        idle_since = time.monotonic()
        while idle is None or time.monotonic() - idle_since <= idle:
            if work(database, places):
                idle_since = time.monotonic()
            elif idle == 0:
                break
            time.sleep(_PAUSE_SECONDS)
