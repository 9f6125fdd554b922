"""``gis-service map``: a map of the atlas as one file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from api.console import CONSOLE
from api.start import opened_database, operator_scope, read_settings
from gis_service.areas import only_area, read_area
from gis_service.errors import InputError
from gis_service.overview import read_overview
from maps.atlas import MAPS
from maps.offline import to_single_file


def map_(
    name: Annotated[str, typer.Argument(help=f"地图名称:{'、'.join(MAPS)}")],
    out: Annotated[Path, typer.Option(help="写到哪个文件,例如 一张图.html")],
    community: Annotated[str | None, typer.Option(help="12 位社区代码;只有一个社区时可不写")] = None,
) -> None:
    """把一张地图写成单个文件:双击即可打开,不需要网络。"""
    if name not in MAPS:
        raise InputError(f"没有地图 {name!r};有:{'、'.join(MAPS)}。", f"There is no map {name!r}.")
    if not out.parent.is_dir():
        raise InputError(f"没有文件夹 {out.parent};请先建立它。", f"There is no folder {out.parent}.")
    with opened_database(read_settings()) as database:
        scope = operator_scope(database)
        with database.read(scope) as conn:
            area = read_area(conn, community) if community else only_area(conn)
            answer = read_overview(conn, scope, area.code)
    page = to_single_file(MAPS[name].draw(answer))
    partial = out.with_name(out.name + ".part")
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise InputError(
            f"写不了 {out}({error.strerror});请检查权限和磁盘空间,或换一个位置。", f"{out} can't be written."
        ) from error
    CONSOLE.print(f"已写出 {out}({len(page.encode()) / 1e6:.1f} MB)。")
