"""What lies inside a drawn area, a grid or an estate: counts by layer and by code, and the features themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, Text, bindparam, func, literal_column, select

from gis_service.errors import InputError, NotFoundError
from gis_service.features.drawn import area_m2
from gis_service.features.question import Question
from gis_service.features.read import feature_text
from gis_service.features.select import asked_scope, conditions, rows_of
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from layers.field import LayerField
from layers.layer import Layer
from layers.registry import LAYERS

DEFINITIONS = {
    "drawn": "与所画范围相交(含边界)的要素",
    "grid": "记在该网格名下的要素:要素上一点落在网格内,每个要素只属一个网格",
    "estate": "与小区范围相交(含边界)的要素",
}


@dataclass(frozen=True)
class Region:
    """Where to look: exactly one of ``polygon``, ``grid`` and ``estate`` is given.

    Attributes
    ----------
    polygon
        Area in degrees (EPSG:4490), as ``drawn.drawn_area`` checked it.
    grid, estate
        Code of a grid (15 digits) or of an estate.
    community
        Look only there; estates of two communities may have the same code.
    """

    polygon: BaseGeometry | None = None
    grid: str | None = None
    estate: str | None = None
    community: str | None = None

    @property
    def kind(self) -> str:
        """Which of the three it is; the key of ``DEFINITIONS``."""
        return "drawn" if self.polygon is not None else "grid" if self.grid is not None else "estate"

    @property
    def code(self) -> str:
        """Code of the grid or the estate."""
        return self.grid or self.estate or ""

    def question(self) -> Question:
        """Return what it asks of every layer; an estate's area is added to that."""
        wkt = None if self.polygon is None else str(shapely.to_wkt(self.polygon, rounding_precision=-1))
        return Question(polygon=wkt, grid=self.grid, community=self.community)


def classifying(layer: Layer) -> tuple[LayerField, ...]:
    """Return the code fields by which a layer is counted: the one that colours it, its kind and its status."""
    names = dict.fromkeys(name for name in (layer.style.by, "kind", "status") if name)
    return tuple(field for name in names for field in layer.fields if field.name == name and field.codes)


def region_of(scope: Scope, region: Region) -> Asked | None:
    """Return the statement that describes a grid or an estate; a drawn area describes itself."""
    if region.polygon is not None:
        return None
    question = Question(community=region.community)
    layer = LAYERS[region.kind]
    narrowed = asked_scope(scope, question)

    def build() -> Select[Any]:
        rows = rows_of(layer, question)
        return (
            select(rows.c.name, func.ST_Area(func.geography(rows.c.geom)))
            .where(conditions(layer, rows, scope, question), rows.c.code == bindparam("code", type_=Text))
            .limit(2)
        )

    statement = remembered(("region", region.kind, narrowed.shape), build)
    return statement, {**values_of(narrowed), "code": region.code}


def read_region(region: Region, rows: Rows | None) -> dict[str, Any]:
    """Return kind, code, name, area in m² and the definition of what counts as inside.

    Raises
    ------
    NotFoundError
        When the scope has no such grid or estate.
    InputError
        When two communities have an estate of this code.
    """
    title = {"grid": "网格", "estate": "小区"}
    if rows is None and region.polygon is not None:
        found: dict[str, Any] = {"area_m2": round(area_m2(region.polygon), 1)}
    elif not rows:
        raise NotFoundError(
            f"没有{title[region.kind]} {region.code!r},或不在您的范围内。",
            f"There is no {region.kind} {region.code!r}, or it lies outside your area.",
        )
    elif len(rows) > 1:
        raise InputError(
            f"几个社区都有编码为 {region.code!r} 的小区;请加参数 community 指明社区。",
            f"Several communities have an estate {region.code!r}; name the community.",
        )
    else:
        name, size = rows[0]
        found = {"code": region.code, "name": name and name.decode(), "area_m2": round(size, 1)}
    return {"kind": region.kind, **found, "definition": DEFINITIONS[region.kind]}


def inside_of(layer: Layer, scope: Scope, region: Region, *, limit: int) -> Asked:
    """Return the statement that counts a layer's features inside and gives the first of them by code."""
    question = region.question()
    narrowed = asked_scope(scope, question)
    key = ("inside", layer.name, narrowed.shape, region.kind)
    statement = remembered(key, lambda: _inside(layer, scope, region, question))
    return statement, {**values_of(narrowed), **question.values(), "limit": limit, "estate": region.estate}


def read_inside(layer: Layer, rows: Rows) -> tuple[dict[str, Any], bytes]:
    """Return the counts of a layer, and its features joined by commas, each with the name of its ``layer``.

    Counts by code stand in the order of the code list, with the code None for rows that don't say.
    """
    matched, returned, features, *by_code = rows[0]
    counts = []
    for field, said in zip(classifying(layer), by_code, strict=True):
        found = orjson.loads(said) if said else {}
        codes = [{"code": code, "label": label} for code, label in (field.codes or {}).items() if code in found]
        if "" in found:
            codes.append({"code": "", "label": "未填"})
        listed = [{**code, "code": code["code"] or None, "count": found[code["code"]]} for code in codes]
        counts.append({"property": field.name, "title": field.title, "codes": listed})
    head = {
        "layer": layer.name, "title": layer.title, "numberMatched": matched, "numberReturned": returned,
        "counts": counts,
    }  # fmt: skip
    return head, features


def _inside(layer: Layer, scope: Scope, region: Region, question: Question) -> Select[Any]:
    rows = rows_of(layer, question)
    fields = classifying(layer)
    wanted = [conditions(layer, rows, scope, question), *_in_estate(scope, region, question, rows)]
    codes = [rows.c[field.name].label(f"by_{field.name}") for field in fields]
    found = select(rows.c.community, rows.c.id, rows.c.code, *codes).where(*wanted).cte("found")
    size = bindparam("limit", type_=BigInteger)
    first = select(found).order_by(found.c.code, found.c.community).limit(size).subquery("first")
    named = rows_of(layer, question)
    mark: ColumnElement[str] = literal_column(f"""',"layer":"{layer.name}"}}'""")
    page = (
        select((func.left(feature_text(layer), -1, type_=Text) + mark).label("feature"))
        .select_from(named.join(first, (named.c.community == first.c.community) & (named.c.id == first.c.id)))
        .order_by(first.c.code, first.c.community)
        .subquery("page")
    )
    return select(
        select(func.count()).select_from(found).scalar_subquery(),
        select(func.least(func.count(), size)).select_from(found).scalar_subquery(),
        select(func.coalesce(func.string_agg(page.c.feature, literal_column("','")), "")).scalar_subquery(),
        *(_by_code(found, f"by_{field.name}") for field in fields),
    )


def _by_code(found: FromClause, name: str) -> ColumnElement[Any]:
    code = func.coalesce(found.c[name], literal_column("''")).label("code")
    counted = select(code, func.count().label("n")).group_by(code).subquery()
    return select(func.json_object_agg(counted.c.code, counted.c.n)).scalar_subquery()


def _in_estate(scope: Scope, region: Region, question: Question, rows: FromClause) -> list[ColumnElement[bool]]:
    if region.estate is None:
        return []
    layer = LAYERS["estate"]
    # Another name than that of the rows asked for, or the one would be taken for the other.
    estate = rows_of(layer, question).element.alias("estate")  # type: ignore[attr-defined]
    area = (
        select(estate.c.geom)
        .where(conditions(layer, estate, scope, question), estate.c.code == bindparam("estate", type_=Text))
        .limit(1)
        .scalar_subquery()
    )
    return [rows.c.geom.op("&&")(area), func.ST_Intersects(rows.c.geom, area)]
