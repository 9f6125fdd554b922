"""What a file really is, before any library is let near it: extension and first bytes."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from gis_service.surveys.files.errors import SurveyError

_KIND_OF_EXTENSION: Final = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".zip": "ZIP",
    ".kml": "KML",
    ".kmz": "KMZ",
    ".gpx": "GPX",
    ".dxf": "DXF",
    ".dat": "DAT",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".xlsx": "XLSX",
}
_TITLES: Final = {"ZIP": "压缩包", "GPKG": " GeoPackage", "DAT": "坐标点文本"}
ACCEPTED: Final = (
    "GeoJSON、GeoPackage(.gpkg)、Shapefile(打包成 .zip 或各部分一起选上)、KML、KMZ、GPX、DXF、CASS 的 .dat、CSV、XLSX"
)

# What can't be read, and what to do instead.
_INSTEAD: Final = {
    "DWG 图纸": "请在 CAD 里另存为 DXF(2010 版)再上传",
    "PDF": "请找做图的人要原始数据(DXF、Shapefile 或表格);只有 PDF 时请把内容录入 XLSX",
    "旧版 Excel(.xls)": "请在 Excel 或 WPS 里另存为 .xlsx",
    "WPS 表格(.et)": "请在 WPS 里另存为 .xlsx",
    "文字文档": "请把其中的表格复制到 Excel,存为 .xlsx 再上传",
    "演示文稿": "请把其中的表格复制到 Excel,存为 .xlsx 再上传",
    "旧版 Office 或加密的文档": "请打开后去掉密码,表格另存为 .xlsx 再上传",
    "RAR 或 7z 压缩包": "请解开后改用 .zip 打包再上传",
    "图片": "图片里没有坐标数据;请上传表格或图形文件,照片留在手机里即可",
    "Access 数据库": "请在 Access 里把表导出成 .xlsx,或在 ArcGIS 里导出成 Shapefile",
    "文件地理数据库(.gdb)": "请在 ArcGIS 或 QGIS 里导出成 GeoPackage(.gpkg)",
    "Shapefile 的一部分": "Shapefile 的各个文件(.shp、.shx、.dbf、.prj)要一起选上,或打包成一个 .zip",
    "MapInfo 数据": "请在 MapInfo 或 QGIS 里导出成 GeoPackage(.gpkg)或 Shapefile",
    "OpenDocument 表格": "请另存为 .xlsx",
}
_FOREIGN_EXTENSIONS: Final = {
    "DWG 图纸": (".dwg", ".dwt", ".dgn"),
    "PDF": (".pdf", ".ofd"),
    "旧版 Excel(.xls)": (".xls",),
    "WPS 表格(.et)": (".et",),
    "文字文档": (".doc", ".docx", ".wps", ".rtf", ".odt"),
    "演示文稿": (".ppt", ".pptx", ".dps"),
    "RAR 或 7z 压缩包": (".rar", ".7z"),
    "图片": (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic"),
    "Access 数据库": (".mdb", ".accdb"),
    "文件地理数据库(.gdb)": (".gdb", ".gdbtable"),
    "Shapefile 的一部分": (".shp", ".shx", ".dbf", ".prj", ".cpg"),
    "MapInfo 数据": (".tab", ".mif", ".mid"),
    "OpenDocument 表格": (".ods",),
}
_FOREIGN_STARTS: Final = (
    (rb"AC10\d\d\0", "DWG 图纸"),
    (rb"%PDF-", "PDF"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Office 或加密的文档"),
    (rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c", "RAR 或 7z 压缩包"),
    (rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP|....ftyphei", "图片"),
    (rb"\0\x01\0\0Standard (?:Jet|ACE) DB", "Access 数据库"),
    (rb"\0\0\x27\x0a\0{20}", "Shapefile 的一部分"),
)


_ARCHIVED: Final = frozenset({"XLSX", "ZIP", "KMZ"})
_TEXT_STARTS: Final = {
    "GeoJSON": rb"\{",
    "KML": rb"<",
    "GPX": rb"<",
    # Pairs of lines, the first of which is a number; that a drawing is binary is said when it is read.
    "DXF": rb"\d{1,4}\s*[\r\n]|AutoCAD Binary DXF",
}


def kind_of(path: Path, name: str) -> str:
    """Find the kind of a file by its name's extension, and see that its first bytes agree.

    Returns
    -------
    str
        ``"GeoJSON"``, ``"GPKG"``, ``"ZIP"``, ``"KML"``, ``"KMZ"``, ``"GPX"``, ``"DXF"``, ``"DAT"``, ``"CSV"`` or
        ``"XLSX"``.

    Raises
    ------
    SurveyError
        The kind is unknown, known but not taken (with what to do instead), or the content is of another kind.
    """
    extension = PurePosixPath(name).suffix.lower()
    with path.open("rb") as file:
        start = file.read(4096)
    members = _members(path) if start.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None
    _refuse_foreign(extension, _foreign_content(start, members))
    if extension not in _KIND_OF_EXTENSION:
        shown = f"“{extension}”文件" if extension else "没有扩展名的文件"
        msg = f"不接受{shown};可以上传 {ACCEPTED}"
        raise SurveyError(msg)
    kind = _KIND_OF_EXTENSION[extension]
    if _fits(kind, start, members):
        return kind
    msg = f"文件扩展名是 {extension},内容却不是{_TITLES.get(kind, f' {kind}')};请核对文件,可以上传 {ACCEPTED}"
    raise SurveyError(msg)


def _members(path: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        msg = "压缩包已损坏,打不开;请重新打包再上传"
        raise SurveyError(msg) from error


def _foreign_content(start: bytes, members: frozenset[str] | None) -> str | None:
    for pattern, what in _FOREIGN_STARTS:
        if re.match(pattern, start, re.DOTALL):
            return what
    for member, what in (("word/document.xml", "文字文档"), ("ppt/presentation.xml", "演示文稿")):
        if members is not None and member in members:
            return what
    return None


def _refuse_foreign(extension: str, content: str | None) -> None:
    """Say what to do instead; where the extension is one that content like this has, it knows better what it is."""
    by_name = next((what for what, extensions in _FOREIGN_EXTENSIONS.items() if extension in extensions), None)
    if by_name is not None:
        msg = f"不接受“{extension}”文件({by_name});{_INSTEAD[by_name]}"
        raise SurveyError(msg)
    if content is not None:
        msg = f"文件扩展名是 {extension or '空的'},内容却是{content};{_INSTEAD[content]}"
        raise SurveyError(msg)


def _fits(kind: str, start: bytes, members: frozenset[str] | None) -> bool:
    """Say whether the first bytes agree with a kind."""
    if members is not None:
        return ("xl/workbook.xml" in members) == (kind == "XLSX") and kind in _ARCHIVED
    if start.startswith(b"SQLite format 3\0"):
        return kind == "GPKG"
    if kind in _ARCHIVED or kind == "GPKG":
        return False
    if b"\0" in start and kind != "DXF":
        return start.startswith((b"\xff\xfe", b"\xfe\xff")) and kind in {"CSV", "KML", "GPX"}
    return re.match(_TEXT_STARTS.get(kind, b""), start.removeprefix(b"\xef\xbb\xbf").lstrip()) is not None
