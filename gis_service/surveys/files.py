"""What a file really is, before any library is let near it: extension, first bytes, archive members, tables."""

from __future__ import annotations

import re
import sqlite3
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from gis_service.surveys.errors import SurveyError
from gis_service.surveys.limits import ReadLimits

_KIND_OF_EXTENSION: Final = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".zip": "Shapefile",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".xlsx": "XLSX",
}
ACCEPTED: Final = "GeoJSON、GeoPackage(.gpkg)、打包成 .zip 的 Shapefile、CSV、XLSX"

_SHAPEFILE_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED_PARTS: Final = (".shp", ".shx", ".dbf")
_ARCHIVES: Final = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
_MOST_MEMBERS: Final = 64
_MOST_RATIO: Final = 100
# A workbook is many small files, and its XML packs better than geometry does.
_MOST_WORKBOOK_MEMBERS: Final = 2000
_MOST_WORKBOOK_RATIO: Final = 200
_RATIO_COUNTS_FROM_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 20

# SQL that GeoPackages hold by their standard or by GDAL's and QGIS's habit.
_OWN_TRIGGERS: Final = re.compile(
    r"(?:rtree_|gpkg_|trigger_(?:insert|delete)_feature_count_).*"
    r"|.*_(?:zoom|tile_column|tile_row)_(?:insert|update)",
    re.IGNORECASE | re.DOTALL,
)


def kind_of(path: Path, name: str) -> str:
    """Find the kind of a file by its name's extension, and see that its first bytes agree.

    Returns
    -------
    str
        ``"GeoJSON"``, ``"GPKG"``, ``"Shapefile"`` (zipped), ``"CSV"`` or ``"XLSX"``.

    Raises
    ------
    SurveyError
        The extension is unknown, or the content is of another kind.
    """
    extension = PurePosixPath(name).suffix.lower()
    if extension not in _KIND_OF_EXTENSION:
        shown = f"“{extension}”文件" if extension else "没有扩展名的文件"
        hint = ";Shapefile 的各个文件要一起打包成一个 .zip" if extension in _SHAPEFILE_PARTS else ""
        hint = ";请在 Excel 里另存为 .xlsx" if extension == ".xls" else hint
        msg = f"不接受{shown};可以上传 {ACCEPTED}{hint}"
        raise SurveyError(msg)
    kind = _KIND_OF_EXTENSION[extension]
    found = _kind_of_content(path)
    if kind == found or (kind == "CSV" and found == "GeoJSON"):
        return kind
    msg = f"文件扩展名是 {extension},内容却不是{_titled(kind)};请核对文件,可以上传 {ACCEPTED}"
    raise SurveyError(msg)


def _titled(kind: str) -> str:
    return " 打包的 Shapefile" if kind == "Shapefile" else f" {kind}"


def _kind_of_content(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"SQLite format 3\0"):
        return "GPKG"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "XLSX" if _holds_workbook(path) else "Shapefile"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "GeoJSON"
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "unknown"
    return "CSV"


def _holds_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        msg = "压缩包已损坏,打不开;请重新打包再上传"
        raise SurveyError(msg) from error


def check_workbook(path: Path, limits: ReadLimits) -> None:
    """See that a workbook doesn't unpack to more than it may.

    Raises
    ------
    SurveyError
        It does, or it is encrypted.
    """
    with zipfile.ZipFile(path) as archive:
        _check_archive(archive, limits, members=_MOST_WORKBOOK_MEMBERS, ratio=_MOST_WORKBOOK_RATIO)


def unpack_shapefile(path: Path, into: Path, layer: str | None, limits: ReadLimits) -> tuple[Path, str]:
    """Unpack one shapefile out of an archive, under a name of our own.

    Parameters
    ----------
    path
        The .zip.
    into
        An empty folder.
    layer
        The shapefile's name without extension, where the archive holds several.

    Returns
    -------
    tuple
        The unpacked .shp and the shapefile's name as people know it.

    Raises
    ------
    SurveyError
        The archive is broken, hostile or too large, or a part of the shapefile is missing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive, limits, members=_MOST_MEMBERS, ratio=_MOST_RATIO)
            name, parts = _chosen(_shapefiles(archive), layer)
            budget = limits.unpacked_bytes
            for extension, member in parts.items():
                budget -= _unpack(archive, member, into / f"survey{extension}", budget)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        msg = "压缩包已损坏,解不开;请重新打包再上传"
        raise SurveyError(msg) from error
    return into / "survey.shp", name


def _check_archive(archive: zipfile.ZipFile, limits: ReadLimits, *, members: int, ratio: int) -> None:
    infos = archive.infolist()
    if len(infos) > members:
        msg = f"压缩包里有 {len(infos)} 个文件,最多 {members} 个;请只打包要上传的数据"
        raise SurveyError(msg)
    for info in infos:
        name = PurePosixPath(_member_name(info).replace("\\", "/"))
        if info.flag_bits & 0x1:
            msg = "压缩包有密码;请去掉密码再上传"
            raise SurveyError(msg)
        if name.is_absolute() or ".." in name.parts or name.as_posix()[1:2] == ":":
            msg = "压缩包里有指向包外的路径,不能接受;请重新打包再上传"
            raise SurveyError(msg)
        if stat.S_ISLNK(info.external_attr >> 16):
            msg = "压缩包里有符号链接,不能接受;请把文件本身打包再上传"
            raise SurveyError(msg)
        if name.suffix.lower() in _ARCHIVES:
            msg = f"压缩包里还有压缩包({name.name[:60]});请解开后只打包一层再上传"
            raise SurveyError(msg)
    total = sum(info.file_size for info in infos)
    if total > limits.unpacked_bytes:
        msg = f"压缩包解开后有 {total / 1e6:.0f} MB,最多 {limits.unpacked_bytes / 1e6:.0f} MB;请分批上传"
        raise SurveyError(msg)
    packed = sum(info.compress_size for info in infos)
    if total > _RATIO_COUNTS_FROM_BYTES and total > ratio * max(packed, 1):
        msg = f"压缩包的压缩比超过 {ratio} 倍,像是压缩炸弹,不能接受"
        raise SurveyError(msg)


def _shapefiles(archive: zipfile.ZipFile) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """Group an archive's members by shapefile; other members are never unpacked."""
    found: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        name = PurePosixPath(_member_name(info).replace("\\", "/"))
        # macOS packs a shadow of each file.
        if info.is_dir() or "__MACOSX" in name.parts or name.name.startswith("._"):
            continue
        extension = name.suffix.lower()
        if extension in _SHAPEFILE_PARTS:
            found.setdefault(name.with_suffix("").as_posix(), {})[extension] = info
    shapefiles = {name: parts for name, parts in found.items() if ".shp" in parts}
    if not shapefiles:
        msg = "压缩包里没有 .shp 文件;请把 Shapefile 的 .shp、.shx、.dbf、.prj 一起打包"
        raise SurveyError(msg)
    return shapefiles


def _chosen(
    shapefiles: dict[str, dict[str, zipfile.ZipInfo]], layer: str | None
) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    by_name = {PurePosixPath(path).name: parts for path, parts in shapefiles.items()}
    name = choose_layer(tuple(by_name), layer)
    parts = by_name[name]
    for extension in _NEEDED_PARTS:
        if extension not in parts:
            msg = f"{name}.shp 缺少同名的 {name}{extension};请把 .shp、.shx、.dbf、.prj 一起打包再上传"
            raise SurveyError(msg)
    return name, parts


def choose_layer(names: tuple[str, ...], layer: str | None) -> str:
    """Take the layer that is asked for, or the only one.

    Raises
    ------
    SurveyError
        The layer doesn't exist, or there are several and none was asked for.
    """
    listed = "、".join(name[:60] for name in names[:20])
    if layer is not None:
        if layer not in names:
            msg = f"文件里没有图层“{layer[:60]}”;有:{listed}"
            raise SurveyError(msg)
        return layer
    if len(names) > 1:
        msg = f"文件里有 {len(names)} 个图层:{listed};请用 --sheet 选一个"
        raise SurveyError(msg)
    return names[0]


def _member_name(info: zipfile.ZipInfo) -> str:
    """Read a member's name: Windows writes GBK without saying so, and zipfile takes that for code page 437."""
    if info.flag_bits & 0x800:
        return info.filename
    raw = info.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, budget: int) -> int:
    """Write one member; what it claims to be in the archive's directory isn't believed."""
    written = 0
    with archive.open(member) as packed, target.open("xb") as unpacked:
        while block := packed.read(_BLOCK_BYTES):
            written += len(block)
            if written > budget:
                msg = "压缩包解开后比它自己写的大,像是压缩炸弹,不能接受"
                raise SurveyError(msg)
            unpacked.write(block)
    return written


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
