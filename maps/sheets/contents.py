"""What a sheet or a slide says: its finding, its tables, its stamps, and of which days and places it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import orjson
import shapely

from gis_service.analysis.answer import Answer
from gis_service.errors import InputError, NotFoundError
from gis_service.overview import LayerAnswer, Overview
from layers.field import Kind
from maps.numbers import written
from maps.sheets.furniture import Table
from maps.sheets.lettering import one_line
from maps.sheets.paper import Orientation, Paper
from maps.sheets.shapes import Drawing, Features, layer_drawing, read_features, theme_drawing
from maps.thematic import GROUND

_THEME_ORDER = {"MULTIPOLYGON": 46, "MULTILINESTRING": 62, "POINT": 92}
_LEAST_M = 100.0
"""Metres across that the ground has at least."""
COUNTED = ("rental_unit", "hazard", "enterprise", "parking", "waste_point")
"""Layers that the table of an overview counts by grid."""


@dataclass(frozen=True)
class Wanted:
    """What a sheet is to be.

    Attributes
    ----------
    scale
        Denominator; None for the largest that fits.
    grid
        Code of the grid to be shown; None for the whole community.
    author
        Who answers for it; a sheet with synthetic rows names nobody.
    review
        审图号 of a public map.
    scope
        Codes of the areas whose rows are shown.
    partial
        What must be said of numbers that are those of some grids only; "" where they are of the whole community.
    alone
        Whether the answer is about the grid alone, and not about the whole community.
    as_of
        The day whose records are shown, where it isn't the present ones.
    """

    paper: Paper = Paper.A3
    orientation: Orientation = Orientation.LANDSCAPE
    scale: int | None = None
    grid: str | None = None
    author: str = ""
    review: str = ""
    scope: tuple[str, ...] = ()
    partial: str = ""
    as_of: date | None = None
    alone: bool = False


@dataclass(frozen=True)
class Proof:
    """By what a sheet can be traced: a short code, the version of the data, and where the live map is."""

    code: str = ""
    version: str = ""
    address: str = ""


def ground_of(features: Mapping[str, Features], grid: str | None) -> tuple[shapely.Geometry, str]:
    """Return what the sheet shows: the community, or one of its grids; and the grid's name."""
    if grid is not None:
        if "grid" not in features:
            raise InputError("这张地图不分网格;请出整个社区的。", "This map has no grids.")
        for row, shape in zip(features["grid"].properties, features["grid"].shapes, strict=True):
            if row["code"] == grid:
                return shape, str(row.get("name") or grid)
        raise NotFoundError(f"没有网格 {grid},或不在您的范围内。", f"There is no grid {grid}.")
    shapes = list(features["community"].shapes) if "community" in features else []
    if not shapes:
        # Without a boundary: whatever there is.
        shapes = [shapely.box(*shapely.total_bounds(one.shapes)) for one in features.values() if len(one.shapes)]
    if not shapes:
        raise NotFoundError("这张地图上还没有要素,没有可画的;请先导入边界和数据。", "There is nothing to draw yet.")
    ground = shapely.union_all(shapes)
    west, south, east, north = ground.bounds
    # Of a single point, too, something can be seen.
    return ground if max(east - west, north - south) >= _LEAST_M else ground.buffer(_LEAST_M / 2), ""


def features_of(overview: Overview, srid: int) -> dict[str, Features]:
    """Return the features of each layer of a community's ground, in metres."""
    return {one.layer.name: read_features(one.geojson or _NOTHING, srid) for one in overview.layers}


_NOTHING = '{"type":"FeatureCollection","features":[]}'


def drawings_of(
    overview: Overview, features: Mapping[str, Features], answer: Answer | None, srid: int
) -> list[Drawing]:
    """Return what is drawn, in the order of the legend: the themes, and then the ground, what lies on top first."""
    shown = [one for one in overview.layers if one.count and (answer is not None or one.layer.style.shown)]
    quiet = GROUND if answer else None
    ground = [layer_drawing(one.layer, features[one.layer.name], quiet=quiet) for one in shown]
    themes = [
        theme_drawing(theme, read_features(theme.features, srid), _THEME_ORDER[theme.geometry])
        for theme in (answer.themes if answer else ())
        if theme.shown
    ]
    return [*themes, *sorted(ground, key=lambda one: -one.order)]


def finding_of(overview: Overview, features: Mapping[str, Features], answer: Answer | None, wanted: Wanted) -> str:
    """Return the sentence below the title: what the analysis found, or what there is in the community or grid."""
    everywhere = "所辖网格" if wanted.partial else "全社区"
    if answer is not None:
        told = "本网格" if wanted.alone else everywhere
        return f"{told}:{answer.finding}" if wanted.grid or wanted.partial else answer.finding
    counted = []
    for one in overview.layers:
        if one.layer.name in COUNTED:
            rows = features[one.layer.name].properties
            number = sum(row.get("grid") == wanted.grid for row in rows) if wanted.grid else one.count
            counted.append(f"{one.layer.title} {number:,}")
    return f"{'本网格' if wanted.grid else everywhere}有{'、'.join(counted)}。"


def stamps_of(overview: Overview, wanted: Wanted, *, public: bool) -> list[str]:
    """Return what a sheet is stamped with."""
    stamps = [] if public else ["内部资料 注意保管"]
    if wanted.partial:
        stamps.append(wanted.partial)
    if overview.synthetic:
        stamps.append("含合成数据 示意")
    if public:
        stamps.append(f"审图号:{wanted.review or '未送审'}")
    return stamps


def facts_table(answer: Answer, wanted: Wanted) -> Table:
    """Return the figures of an answer."""
    rows = [
        (fact.title, "无数据" if fact.value is None else f"{written(fact.value)} {fact.unit}".strip())
        for fact in answer.facts
    ]
    whose = "(所辖网格)" if wanted.partial else "(全社区)" if wanted.grid else ""
    whose = "(本网格)" if wanted.alone else whose
    return Table(f"主要数字{whose}", ("指标", "数"), rows)


def grid_table(overview: Overview, features: Mapping[str, Features], wanted: Wanted) -> Table:
    """Return how many features of the counted layers lie in each grid that is seen, and in all of them."""
    layers: list[LayerAnswer] = [one for one in overview.layers if one.layer.name in COUNTED]
    grids = sorted(
        (row["code"], one_line(row.get("name") or row["code"])) for row in features["grid"].properties
        if row.get("level", "governance") == "governance" and sees_grid(row["code"], wanted)
    )  # fmt: skip
    held = {one.layer.name: [row.get("grid") for row in features[one.layer.name].properties] for one in layers}
    rows = [
        (name, *(f"{held[one.layer.name].count(code):,}" for one in layers))
        for code, name in grids
        if wanted.grid in {None, code}
    ]
    others = [sum(1 for grid in held[one.layer.name] if grid not in dict(grids)) for one in layers]
    if any(others) and wanted.grid is None and not wanted.partial:
        rows.append(("网格以外", *(f"{one:,}" for one in others)))
    if not wanted.partial:
        rows.append(("全社区", *(f"{one.count:,}" for one in layers)))
    titles = ("网格", *(_SHORT.get(one.layer.name, one.layer.title) for one in layers))
    return Table("各网格统计(个)", titles, rows, total=not wanted.partial)


def sees_grid(code: str, wanted: Wanted) -> bool:
    """Return whether the rows of a grid are among those that are shown."""
    return not wanted.partial or any(code.startswith(area) for area in wanted.scope)


_SHORT = {"parking": "停车", "waste_point": "投放点"}


def listing_of(answer: Answer | None) -> Table | None:
    """Return the features that a sheet lists, in the order in which they matter; None where it lists none."""
    theme = next((one for one in answer.themes if one.listed), None) if answer else None
    if theme is None:
        return None
    columns = [one for one in theme.columns if not one.filtered]
    rows = [
        tuple(_cell(feature["properties"].get(one.name)) for one in columns)
        for feature in orjson.loads(theme.features)["features"]
    ]
    titles = (f"{one.title}({one.unit})" if one.unit else one.title for one in columns)
    texts = sum(one.kind is Kind.TEXT for one in columns)
    return Table(f"{theme.title}({len(rows):,} 件,最急的在前)", tuple(titles), rows, texts=texts)


def _cell(value: object) -> str:
    return "" if value is None else written(value) if isinstance(value, int | float) else one_line(value)


def dated(overview: Overview, answer: Answer | None, as_of: date | None) -> str:
    """Return what is said of the days that a sheet's numbers are of."""
    recorded = f",按 {as_of} 结束时的记录" if as_of else ""
    reckoned = f",计算日 {answer.on}" if answer and answer.dated else ""
    return f"数据截至 {overview.data_date}{recorded}{reckoned}"
