"""Shapefiles whose parts were sent one by one: packed into one archive, so that they are read like every other."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from gis_service.surveys.files.archives import NEEDED_PARTS, SHAPEFILE_PARTS
from gis_service.surveys.files.errors import SurveyError

# What ArcGIS and QGIS write beside a shapefile; nothing of it is needed.
_BESIDE: Final = (
    ".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".qml", ".sld", ".cst", ".fbn", ".fbx", ".ain", ".aih", ".atx", ".ixs",
    ".mxs", ".shp.xml", ".lyr",
)  # fmt: skip


def pack_parts(files: Mapping[str, Path], into: Path) -> Path:
    """Pack the parts of one shapefile into an archive; bytes are copied, nothing is read.

    Parameters
    ----------
    files
        The name each file was sent under, and where it lies.
    into
        An existing folder for the archive.

    Returns
    -------
    Path
        The archive, ``survey.zip`` in ``into``.

    Raises
    ------
    SurveyError
        A part is missing, the parts belong to different shapefiles, or there is a file of another kind among them.
    """
    parts: dict[str, Path] = {}
    stems: dict[str, str] = {}
    for sent, path in files.items():
        stem, extension = _split(sent)
        if extension in _BESIDE:
            continue
        if extension not in SHAPEFILE_PARTS:
            msg = f"一起上传的文件里有 {_shown(sent)},它不属于 Shapefile;几个文件一起上传只限同一个 Shapefile 的各部分"
            raise SurveyError(msg)
        stems.setdefault(stem.casefold(), stem)
        if extension in parts and len(stems) == 1:
            msg = f"一起上传的文件里有两个 {extension};请只选同一个 Shapefile 的文件"
            raise SurveyError(msg)
        parts[extension] = path
    if len(stems) > 1:
        listed = "、".join(name[:60] for name in list(stems.values())[:10])
        msg = f"一起上传的文件名字不同({listed}),不是同一个 Shapefile;请每次只选一个 Shapefile 的文件"
        raise SurveyError(msg)
    name = next(iter(stems.values()), "")
    missing = [extension for extension in NEEDED_PARTS if extension not in parts]
    if missing:
        listed = "、".join(f"{name[:60]}{extension}" for extension in missing)
        msg = f"Shapefile 还缺少 {listed};请把同名的 .shp、.shx、.dbf、.prj 一起选上再上传"
        raise SurveyError(msg)
    target = into / "survey.zip"
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        for extension, path in parts.items():
            archive.write(path, f"{name}{extension}")
    return target


def _split(sent: str) -> tuple[str, str]:
    """Take a sent name apart; browsers may send a path in front of it."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    if name.lower().endswith(".shp.xml"):
        return name[: -len(".shp.xml")], ".shp.xml"
    return PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()


def _shown(sent: str) -> str:
    return PurePosixPath(sent.replace("\\", "/")).name[:60]
