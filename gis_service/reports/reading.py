"""All figures there are, read from the analyses, the morning sheet, the layers and the reported totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import orjson
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from gis_service.analysis.answer import Answer, Fact
from gis_service.analysis.catalog import ANALYSES, Analysis
from gis_service.analysis.reconcile import quoted, reconcile
from gis_service.areas import Area, read_area
from gis_service.database import Database
from gis_service.features.summary import read_summary, sheet_of, summary_of
from gis_service.overview import read_data_date
from gis_service.reports.figure import Catalogue, Figure, Group, figure_of, key_of
from gis_service.scope import Scope, values_of, within
from gis_service.sheets.records import list_grids
from gis_service.tables import tables_of
from layers.record import DataStatus
from layers.registry import LAYERS

_COUNTED_UNITS: Final = frozenset({"起", "处", "户", "家", "幢", "个"})
"""Units of facts that count features one by one, so that the features tell the parts by grid."""
_WHOLE_ONLY: Final = "这是全社区的数,要由管整个社区的人来填"
_TOTAL_DIGITS: Final = 3
_TOTALS: Final = {"reported": "上报", "measured": "实测"}


@dataclass(frozen=True)
class Asked:
    """Of which community and day figures are read.

    Attributes
    ----------
    partial
        Grid codes whose rows alone the scope sees; none where it sees the whole community.
    grids
        Codes of the grids that the scope sees.
    """

    conn: Connection
    scope: Scope
    area: Area
    on: date
    partial: tuple[str, ...]
    grids: tuple[str, ...]

    def address(self, path: str, **more: str) -> str:
        """Return a page's path with the community, and further parameters."""
        query = {"community": self.area.code, **more}
        return f"{path}?{'&'.join(f'{name}={value}' for name, value in query.items())}"


@dataclass(frozen=True)
class Read:
    """What was read, as of one moment.

    Attributes
    ----------
    data_date
        Day in Shanghai on which the data last changed; None where nothing was ever written.
    parts
        For a reported total that adds others, the names of the figures it adds, by its own name.
    """

    catalogue: Catalogue
    community: str
    area_name: str
    on: date
    data_date: date | None
    partial: tuple[str, ...]
    parts: dict[str, tuple[str, ...]]


def read_figures(
    database: Database, scope: Scope, community: str, on: date, groups: Collection[str] | None = None
) -> Read:
    """Read the figures of some groups of questions, or of all, as of one moment.

    Parameters
    ----------
    groups
        Names or titles of groups as they stand before the slash of a figure's name; None for all of them. Unknown
        ones are passed over.
    """
    wanted = None if groups is None else {key_of(name) for name in groups}
    with database.read(scope, snapshot=True) as conn:
        return _read(conn, scope, community, on, wanted)


def _read(conn: Connection, scope: Scope, community: str, on: date, wanted: set[str] | None) -> Read:
    area = read_area(conn, community)
    areas = scope.narrowed(community).areas
    only = tuple(areas) if all(len(code) > 12 for code in areas) else ()
    grids = tuple(
        code for code, _ in list_grids(conn, scope, community)
        if not only or any(code.startswith(one) for one in only)
    )  # fmt: skip
    asked = Asked(conn, scope, area, on, only, grids)
    data_date = read_data_date(conn, community)
    parts: dict[str, tuple[str, ...]] = {}
    if wanted is not None and wanted & {key_of(name) for name in (*_TOTALS, *_TOTALS.values())}:
        # What was reported is only worth as much as the layers say of it.
        wanted = wanted | {"reported", "measured"}
    figures = [
        figure
        for group, read in _groups(asked, data_date, parts)
        if wanted is None or wanted & {key_of(group.name), key_of(group.title)}
        for figure in read(group)
    ]
    return Read(Catalogue(figures, grids), community, area.name, on, data_date, only, parts)


_Reader = Callable[[Group], Iterator[Figure]]


def _groups(asked: Asked, data_date: date | None, parts: dict[str, tuple[str, ...]]) -> Iterator[tuple[Group, _Reader]]:
    """Yield every group with the function that reads its figures."""
    yield Group("about", "填报"), partial(_about, asked, data_date)
    for one in ANALYSES.values():
        # A day in the address, so that whoever follows it later sees the answer of that day.
        group = Group(one.name, one.title, asked.address(f"/maps/{one.name}", on=asked.on.isoformat()))
        yield group, partial(_of_analysis, asked, one)
    yield Group("summary", "一览", asked.address("/summary")), partial(_of_summary, asked)
    yield Group("layers", "图层"), partial(_of_layers, asked)
    address = asked.address("/maps/contradictions", on=asked.on.isoformat())
    for name, title in _TOTALS.items():
        yield Group(name, title, address), partial(_of_totals, asked, parts)


def group_of(name: str) -> str:
    """Return what stands before the slash of a figure's name."""
    return name.replace("\uff0f", "/").partition("/")[0].strip()


def _about(asked: Asked, data_date: date | None, group: Group) -> Iterator[Figure]:
    reach = f"网格 {'、'.join(code[12:] for code in asked.partial)}" if asked.partial else "全社区"
    for title, value, method in (
        ("社区名称", asked.area.name, "登记的社区名称"),
        ("社区代码", asked.area.code, "登记的 12 位社区代码"),
        ("计算日", _day(asked.on), "期限和距今天数按这一天算"),
        ("数据日期", _day(data_date) if data_date else None, "各图层最后一次改动的日期(上海时间)"),
        ("范围", reach, "填表的人看得到的范围"),
    ):
        yield figure_of(group, title, value, "", method=method)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _of_analysis(asked: Asked, analysis: Analysis, group: Group) -> Iterator[Figure]:
    if analysis.public and asked.partial:
        # What leaves the house is of the whole community; of a grid its numbers would be less without saying so.
        return
    answer = analysis.compute(asked.conn, asked.scope, asked.area, on=asked.on)
    for fact in answer.facts:
        yield figure_of(
            group, fact.title, fact.value, fact.unit, note=fact.note, method=answer.method,
            by_grid=None if analysis.public else _by_grid(answer, fact),
        )  # fmt: skip


def _by_grid(answer: Answer, fact: Fact) -> dict[str, float] | None:
    """Return how many of the features behind a fact lie in each grid; None where the fact doesn't count features."""
    if fact.theme is None or fact.value is None or fact.unit not in _COUNTED_UNITS:
        return None
    theme = answer.theme(fact.theme)
    if theme.lattice_m is not None or all(column.name != "grid" for column in theme.columns):
        return None
    properties = [one["properties"] for one in orjson.loads(theme.features)["features"]]
    behind = [one for one in properties if all(one.get(name) == value for name, value in (fact.where or {}).items())]
    if len(behind) != fact.value:
        return None
    return {grid: float(count) for grid, count in Counter(one["grid"] for one in behind).items() if grid}


def _of_summary(asked: Asked, group: Group) -> Iterator[Figure]:
    sheet = sheet_of(asked.scope, asked.on, community=asked.area.code)
    answers = []
    for statement, given in summary_of(asked.scope, sheet):
        text, names = statement.plain
        rows = asked.conn.exec_driver_sql(text, tuple(statement.values(names, given)))
        # The quick way of asking, which the sheet is read for, hands over texts as bytes.
        answers.append([tuple(cell.encode() if isinstance(cell, str) else cell for cell in row) for row in rows])
    read = read_summary(sheet, answers)
    for said in read["definitions"]:
        parts = {one["grid"]: float(one["figures"][said["name"]]) for one in read["grids"] if one["grid"]}
        yield figure_of(
            group, said["title"], float(read["total"][said["name"]]), said["unit"],
            method=f"{said['definition']};{read['counted']}", by_grid=parts,
        )  # fmt: skip


def _of_layers(asked: Asked, group: Group) -> Iterator[Figure]:
    """Yield how many rows each layer has: the void ones left out, as everywhere where layers are counted."""
    narrowed = asked.scope.narrowed(asked.area.code)
    for layer in LAYERS.values():
        table = tables_of(layer).current
        counted = (
            select(table.c.grid, func.count())
            .where(
                # What is told of a part of the grids is told of them only, also where more is seen.
                within(narrowed, table, "grid" if asked.partial else layer.visibility),
                table.c.data_status != str(DataStatus.VOID),
            )
            .group_by(table.c.grid)
        )
        counts = {grid: float(count) for grid, count in asked.conn.execute(counted, values_of(narrowed))}
        yield figure_of(
            group, layer.title, sum(counts.values()), "个", method=f"{layer.title}图层的要素个数,不含作废的",
            by_grid={grid: count for grid, count in counts.items() if grid},
            address=asked.address(f"/collections/{layer.name}/items", f="html"),
        )  # fmt: skip


def _of_totals(asked: Asked, parts: dict[str, tuple[str, ...]], group: Group) -> Iterator[Figure]:
    rows = reconcile(asked.conn, asked.scope, asked.area.code)
    titles = {row.code: row.title for row in rows}
    for row in rows:
        if group.name == "reported":
            method = f"报告里的数,原文写作“{quoted(row.reported, row.qualifier)}”"
            value: float | None = row.reported
        else:
            added = [titles[code] for code in row.parts if code in titles]
            method = f"上报数相加:{'、'.join(added)}" if added else "从图层算出,与上报的总数核对用"
            value = None if row.measured is None else round(row.measured, _TOTAL_DIGITS)
        note = _WHOLE_ONLY if asked.partial else row.note
        figure = figure_of(group, row.title, None if asked.partial else value, row.unit, note=note, method=method)
        if row.parts:
            parts[figure.name] = tuple(f"reported/{titles[code]}" for code in row.parts if code in titles)
        yield figure
