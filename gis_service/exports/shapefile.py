"""Shapefile in a zip, with a text beside it that says which names were shortened and what the codes mean."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gis_service.exports.order import Order, OrderedColumn
from gis_service.exports.vector_files import larger, split_by_type, write_batch

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAME_BYTES, TEXT_BYTES = 10, 254
"""What dBase allows a name and a text."""

_SINGLE = {"POINT": "Point", "MULTILINESTRING": "LineString", "MULTIPOLYGON": "Polygon"}
REPORT = "字段说明.txt"


def write_shapefile(order: Order, batches: Iterator[list[list[Any]]]) -> dict[str, str]:
    """Write one Shapefile for each type of geometry, zip them, and return the shortened names for a header."""
    names = short_names([column.name for column in order.columns])
    cut = [0] * len(order.columns)
    folder = Path(order.path).parent / "shp"
    folder.mkdir()
    columns = tuple(replace(column, name=names[column.name], kind=_kind(column)) for column in order.columns)
    short = replace(order, columns=columns)
    begun: set[str] = set()
    collections = 0
    options: dict[str, Any] = {"driver": "ESRI Shapefile", "layer_options": {}}
    for rows in larger(batches):
        for row in rows:
            _fit(order, row, cut)
        for geometry, some in split_by_type(rows).items():
            if geometry == "GeometryCollection":
                collections += len(some)
                continue
            target = folder / f"{order.layer}{'' if order.geometry in _SINGLE else '_' + geometry.lower()}.shp"
            write_batch(target, short, some, geometry, append=geometry in begun, **options)
            begun.add(geometry)
    if not begun:
        empty = _SINGLE.get(order.geometry, "Point")
        write_batch(folder / f"{order.layer}.shp", short, [], empty, append=False, **options)
    (folder / REPORT).write_text(_report(order, names, cut, collections), encoding="utf-8-sig", newline="\r\n")
    with zipfile.ZipFile(order.path, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, path.name)
            path.unlink()
    return {"shortened": "; ".join(f"{name}={short}" for name, short in names.items() if name != short)}


def short_names(names: list[str]) -> dict[str, str]:
    """Return a name of at most ten letters for each, all different even where case doesn't count."""
    found: dict[str, str] = {}
    taken = {name for name in names if len(name) <= NAME_BYTES}
    for name in names:
        short, number = name[:NAME_BYTES], 0
        while len(name) > NAME_BYTES and short in taken:
            number += 1
            short = name[: NAME_BYTES - len(str(number)) - 1] + f"_{number}"
        taken.add(short)
        found[name] = short
    return found


def _kind(column: OrderedColumn) -> str:
    """DBase has no moments, so they are texts in Shanghai's time; yes and no are 1 and 0."""
    return {"time": "text", "boolean": "integer"}.get(column.kind, column.kind)


def _fit(order: Order, row: list[Any], cut: list[int]) -> None:
    """Make the values of a row fit dBase, and count the texts that are cut."""
    for number, column in enumerate(order.columns):
        value = row[number + 1]
        if value is None:
            continue
        if column.kind == "time":
            at = (_EPOCH + timedelta(milliseconds=value)).astimezone(_SHANGHAI)
            row[number + 1] = at.strftime("%Y-%m-%d %H:%M:%S")
        elif column.kind == "boolean":
            row[number + 1] = int(value)
        elif isinstance(value, str) and len(value) * 4 > TEXT_BYTES and len(value.encode()) > TEXT_BYTES:
            row[number + 1] = value.encode()[:TEXT_BYTES].decode(errors="ignore")
            cut[number] += 1


def _report(order: Order, names: dict[str, str], cut: list[int], collections: int) -> str:
    lines = [*(f"{first}:{second}" for first, second in order.about), "", "字段(shp 中的名称 = 原名称,中文名):"]
    for column in order.columns:
        short = names[column.name]
        lines.append(f"  {short} = {column.name},{column.title}" + ("(名称已缩短)" if short != column.name else ""))
    if any(cut):
        lines += ["", f"以下字段有文字超过 {TEXT_BYTES} 字节,已截短:"]
        lines += [f"  {column.title}:{n:,} 处" for column, n in zip(order.columns, cut, strict=True) if n]
    if collections:
        lines += ["", f"有 {collections:,} 个要素的几何是集合,Shapefile 存不下,未写入;请改用 GeoPackage。"]
    lines += ["", "时间为北京时间;是否类字段 1 为是、0 为否;多个值以逗号分隔。", "", "代码:"]
    for column in order.columns:
        if column.codes:
            lines.append(f"  {column.title}:" + "、".join(f"{code}={label}" for code, label in column.codes.items()))
    return "\n".join(lines) + "\n"
