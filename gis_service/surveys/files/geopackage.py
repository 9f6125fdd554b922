"""What a GeoPackage holds, looked at before GDAL is let near it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gis_service.surveys.files.errors import SurveyError

# SQL that GeoPackages hold by their standard or by GDAL's and QGIS's habit.
_OWN_TRIGGERS: Final = re.compile(
    r"(?:rtree_|gpkg_|trigger_(?:insert|delete)_feature_count_).*"
    r"|.*_(?:zoom|tile_column|tile_row)_(?:insert|update)",
    re.IGNORECASE | re.DOTALL,
)


def layers_of_geopackage(path: Path) -> tuple[str, ...]:
    """List the feature tables of a GeoPackage, after seeing that it holds no SQL that reading would run.

    Raises
    ------
    SurveyError
        It isn't a GeoPackage, or it holds views, foreign triggers or foreign virtual tables.
    """
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(address, uri=True)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            things = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
            _refuse_programs(things)
            query = (
                "SELECT c.table_name FROM gpkg_contents c JOIN gpkg_geometry_columns g USING (table_name)"
                " WHERE c.data_type = 'features' ORDER BY c.table_name"
            )
            layers = tuple(str(name) for (name,) in connection.execute(query))
        finally:
            connection.close()
    except sqlite3.Error as error:
        msg = "文件不是完好的 GeoPackage;请从 QGIS 重新导出再上传"
        raise SurveyError(msg) from error
    tables = {str(name).lower() for kind, name, _ in things if kind == "table"}
    if not layers or any(layer.lower() not in tables for layer in layers):
        msg = "GeoPackage 里没有带几何的图层;请核对文件"
        raise SurveyError(msg)
    return layers


def _refuse_programs(things: list[tuple[str, str, str]]) -> None:
    for kind, name, sql in things:
        if kind == "view":
            msg = f"GeoPackage 里有视图“{name[:60]}”,不能接受;请把数据导出成普通图层再上传"
            raise SurveyError(msg)
        if kind == "trigger" and _OWN_TRIGGERS.fullmatch(name) is None:
            msg = f"GeoPackage 里有触发器“{name[:60]}”,不能接受;请把数据导出成新的 GeoPackage 再上传"
            raise SurveyError(msg)
        virtual = sql.upper().lstrip().startswith("CREATE VIRTUAL")
        if virtual and " USING RTREE" not in " ".join(sql.upper().split()):
            msg = f"GeoPackage 里有虚拟表“{name[:60]}”,不能接受;请把数据导出成普通图层再上传"
            raise SurveyError(msg)


def left_open(path: Path) -> str:
    """Say in a note that a GeoPackage wasn't closed properly (write-ahead mode); "" when it was."""
    with path.open("rb") as file:
        header = file.read(20)
    # SQLite's header: bytes 18 and 19 are 2 while changes may still lie in a file beside it.
    if header[18:20] != b"\x02\x02":
        return ""
    return (
        "GeoPackage 处于 WAL 模式,最后的改动可能还在旁边的 .gpkg-wal 文件里;"
        "若缺行,请在 QField 或 QGIS 里关闭工程后重新导出"
    )
