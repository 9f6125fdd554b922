"""Archives that strangers packed: checked before anything is unpacked, and unpacked by ourselves."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.layer_choice import choose_layer
from gis_service.surveys.files.limits import ReadLimits

SHAPEFILE_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
NEEDED_PARTS: Final = (".shp", ".shx", ".dbf")
_ARCHIVES: Final = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".kmz")
# What a packed file may be instead of a shapefile; a .txt counts only where nothing else does.
_DATA: Final = (".geojson", ".json", ".gpkg", ".kml", ".gpx", ".dxf", ".dat", ".csv", ".tsv", ".xlsx")
_TEXTS: Final = (".txt",)
_MOST_MEMBERS: Final = 64
_MOST_RATIO: Final = 100
# A workbook is many small files, a KMZ may be one with many pictures; XML packs better than geometry does.
_MOST_SMALL_MEMBERS: Final = 2000
_MOST_XML_RATIO: Final = 200
_RATIO_COUNTS_FROM_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 20


def check_workbook(path: Path, limits: ReadLimits) -> None:
    """See that a workbook doesn't unpack to more than it may.

    Raises
    ------
    SurveyError
        It does, or it is encrypted.
    """
    with zipfile.ZipFile(path) as archive:
        _check_archive(archive, limits, members=_MOST_SMALL_MEMBERS, ratio=_MOST_XML_RATIO)


@dataclass(frozen=True)
class Unpacked:
    """One survey out of an archive.

    Attributes
    ----------
    path
        Where it lies, under a name of our own; the other parts of a shapefile lie beside it.
    name
        As people know it: a shapefile's name without extension, else the member's name.
    """

    path: Path
    name: str


def unpack_survey(path: Path, into: Path, layer: str | None, limits: ReadLimits) -> Unpacked:
    """Unpack the one survey of an archive: a shapefile, or where there is none the only data file.

    Parameters
    ----------
    path
        The .zip.
    into
        An empty folder.
    layer
        Which one, where the archive holds several: a shapefile's name without extension, or a member's name.

    Raises
    ------
    SeveralLayersError
        The archive holds several and none was named.
    SurveyError
        The archive is broken, hostile or too large, holds no survey, or a part of the shapefile is missing.
    """
    with _opened(path) as archive:
        _check_archive(archive, limits, members=_MOST_MEMBERS, ratio=_MOST_RATIO)
        files = _files(archive)
        shapefiles = _shapefiles(files)
        if not shapefiles:
            name, member = _data_file(files, layer)
            target = into / f"survey{PurePosixPath(name).suffix.lower()}"
            _unpack(archive, member, target, limits.unpacked_bytes)
            return Unpacked(target, name)
        name, parts = _chosen(shapefiles, layer)
        budget = limits.unpacked_bytes
        for extension, member in parts.items():
            budget -= _unpack(archive, member, into / f"survey{extension}", budget)
        return Unpacked(into / "survey.shp", name)


def unpack_kml(path: Path, into: Path, layer: str | None, limits: ReadLimits) -> Unpacked:
    """Unpack the KML of a KMZ: ``doc.kml`` by its standard, or the one named; pictures are left alone.

    Raises
    ------
    SeveralLayersError
        There are several, none is ``doc.kml`` and none was named.
    SurveyError
        The archive is broken, hostile or too large, or holds no KML.
    """
    with _opened(path) as archive:
        _check_archive(archive, limits, members=_MOST_SMALL_MEMBERS, ratio=_MOST_RATIO)
        found = {name.as_posix(): member for name, member in _files(archive) if name.suffix.lower() == ".kml"}
        if not found:
            msg = "KMZ 里没有 .kml;请在奥维或谷歌地球里重新导出再上传"
            raise SurveyError(msg)
        name = choose_layer(tuple(found), "doc.kml" if layer is None and "doc.kml" in found else layer)
        target = into / "survey.kml"
        _unpack(archive, found[name], target, limits.unpacked_bytes)
        return Unpacked(target, name)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        msg = "压缩包已损坏,解不开;请重新打包再上传"
        raise SurveyError(msg) from error


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


def _files(archive: zipfile.ZipFile) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """List an archive's files with their names; what isn't wanted of them is never unpacked."""
    named = [(PurePosixPath(_member_name(info).replace("\\", "/")), info) for info in archive.infolist()]
    # macOS packs a shadow of each file.
    return [
        (name, info)
        for name, info in named
        if not (info.is_dir() or "__MACOSX" in name.parts or name.name.startswith("._"))
    ]


def _shapefiles(files: list[tuple[PurePosixPath, zipfile.ZipInfo]]) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """Group files by shapefile."""
    found: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for name, info in files:
        extension = name.suffix.lower()
        if extension in SHAPEFILE_PARTS:
            found.setdefault(name.with_suffix("").as_posix(), {})[extension] = info
    return {name: parts for name, parts in found.items() if ".shp" in parts}


def _data_file(files: list[tuple[PurePosixPath, zipfile.ZipInfo]], layer: str | None) -> tuple[str, zipfile.ZipInfo]:
    """Take the data file that is named, or the only one; a layer that is no file's name is meant inside of it."""
    if any(name.suffix.lower() == ".gdbtable" for name, _ in files):
        msg = "压缩包里是 ArcGIS 的文件地理数据库(.gdb),不能直接读;请在 ArcGIS 或 QGIS 里导出成 GeoPackage(.gpkg)再上传"
        raise SurveyError(msg)
    found = {name.name: info for name, info in files if name.suffix.lower() in _DATA}
    found = found or {name.name: info for name, info in files if name.suffix.lower() in _TEXTS}
    if not found:
        msg = "压缩包里没有 .shp 文件,也没有别的可读的数据;请把 Shapefile 的 .shp、.shx、.dbf、.prj 一起打包"
        raise SurveyError(msg)
    name = next(iter(found)) if len(found) == 1 else choose_layer(tuple(found), layer)
    return name, found[name]


def _chosen(
    shapefiles: dict[str, dict[str, zipfile.ZipInfo]], layer: str | None
) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    by_name = {PurePosixPath(path).name: parts for path, parts in shapefiles.items()}
    name = choose_layer(tuple(by_name), layer)
    parts = by_name[name]
    for extension in NEEDED_PARTS:
        if extension not in parts:
            msg = f"{name}.shp 缺少同名的 {name}{extension};请把 .shp、.shx、.dbf、.prj 一起打包再上传"
            raise SurveyError(msg)
    return name, parts


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
