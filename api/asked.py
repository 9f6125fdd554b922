"""From the parameters of a request to the question that is asked of a layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from api.dependencies import CommunityParameter, LayerOf, refuse_unknown
from gis_service.errors import InputError
from gis_service.features.filters import Filter, parse_filter
from gis_service.features.properties import KEPT, queryable, read_value
from gis_service.features.question import Question, parse_as_of, parse_bbox, parse_period
from gis_service.features.read import property_names
from gis_service.reference_systems import ReferenceSystem, reference_system
from layers.field import Kind
from layers.layer import Layer
from layers.registry import LAYERS

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
_REMEMBERED_SIGNS = 2000
"""Filters up to this length are remembered, some hundreds of them."""

SystemParameter = Annotated[str | None, Query(description="坐标系 URI,见图层的 crs;不写则为 CRS84")]
AsOfParameter = Annotated[str | None, Query(description="当时的记录:日期(当天结束)或带时区的时刻")]
LimitParameter = Annotated[str | None, Query(description=f"最多几条,默认 {DEFAULT_LIMIT},最多 {MAX_LIMIT};all 为全部")]
FilterParameter = Annotated[str | None, Query(alias="filter", description="CQL2 条件")]
FilterLanguage = Annotated[
    str | None, Query(alias="filter-lang", pattern="^cql2-(text|json)$", description="cql2-text(默认)或 cql2-json")
]
FilterSystem = Annotated[str | None, Query(alias="filter-crs", description="条件里几何的坐标系 URI,默认 CRS84")]
ITEMS_PARAMETERS = (
    "bbox", "bbox-crs", "crs", "datetime", "limit", "after", "as_of", "community", "grid", "sortby", "properties",
    "filter", "filter-lang", "filter-crs", "f",
)  # fmt: skip


@dataclass(frozen=True)
class AskedItems:
    """What ``/items`` is asked: the question, the system of the answer, and the properties to give (None: all)."""

    question: Question
    system: ReferenceSystem
    names: tuple[str, ...] | None


async def items_asked(
    request: Request, layer: LayerOf,
    bbox: Annotated[str | None, Query(description="西,南,东,北;次序和单位依 bbox-crs,不写则为经纬度")] = None,
    bbox_crs: Annotated[str | None, Query(alias="bbox-crs", description="bbox 的坐标系 URI,默认 CRS84")] = None,
    crs: SystemParameter = None,
    datetime_: Annotated[str | None, Query(alias="datetime", description="有效期与之相交:日期、时刻或 起/止")] = None,
    as_of: AsOfParameter = None,
    community: CommunityParameter = None,
    grid: Annotated[str | None, Query(pattern=r"^[0-9]{15}$", description="15 位网格代码")] = None,
    sortby: Annotated[str | None, Query(description="按属性排序,逗号分隔,降序加 -")] = None,
    properties: Annotated[str | None, Query(description="只给这些属性,逗号分隔")] = None,
    filter_: FilterParameter = None,
    filter_lang: FilterLanguage = None,
    filter_crs: FilterSystem = None,
) -> AskedItems:  # fmt: skip
    """Return what a request for items asks; every property of the layer is a parameter too."""
    own, known = _names_of(layer.name)
    refuse_unknown(request, known)
    written = [(name, value) for name, value in request.query_params.items() if name in own]
    box_system = reference_system(bbox_crs)
    box: dict[str, Any] = parse_bbox(bbox, box_system) if bbox is not None else {}
    question = Question(
        **box,
        valid=parse_period(datetime_) if datetime_ is not None else None,
        as_of=parse_as_of(as_of) if as_of is not None else None,
        community=community,
        grid=grid,
        equals={name: read_value(queryable(layer, name), value) for name, value in written},
        order=read_order(layer, sortby),
        filter=read_filter(layer, filter_, filter_lang, filter_crs),
    )
    return AskedItems(question, reference_system(crs), read_names(layer, properties))


items_asked.reads_properties = True  # type: ignore[attr-defined]


@cache
def _names_of(layer: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the parameters that are properties of a layer, and all that a request for its items may have."""
    own = frozenset((*KEPT, *(field.name for field in LAYERS[layer].fields)))
    return own, own | frozenset(ITEMS_PARAMETERS)


def read_filter(layer: Layer, written: str | None, language: str | None, crs: str | None) -> Filter | None:
    """Return the CQL2 filter of a request, or None without one."""
    system = reference_system(crs)
    if written is None:
        return None
    # A map asks for each of its tiles with one filter, and a list for each of its pages.
    parse = _parsed if len(written) <= _REMEMBERED_SIGNS else _parsed.__wrapped__
    return parse(layer.name, written, language or "cql2-text", system.srid, system.flipped)


@lru_cache(maxsize=256)
def _parsed(layer: str, written: str, language: str, srid: int, flipped: bool) -> Filter:
    return parse_filter(LAYERS[layer], written, lang=language, srid=srid, flip=flipped)


def read_order(layer: Layer, written: str | None) -> tuple[str, ...]:
    """Return what a request sorts by, field names with a minus before them for descending.

    Raises
    ------
    InputError
        When the layer has no such property, or it is a list.
    """
    if written is None:
        return ()
    # A plus that isn't escaped arrives as a space.
    order = tuple(part.strip().removeprefix("+") for part in written.split(","))
    for name in order:
        found = queryable(layer, name.removeprefix("-"))
        if found.kind is Kind.TEXTS:
            raise InputError(
                f"属性“{found.title}”是列表,不能按它排序;可以排序的见 /collections/{layer.name}/sortables。",
                f"The property {found.name} is a list; what can be sorted by is listed in the sortables.",
            )
    return order


def read_names(layer: Layer, written: str | None) -> tuple[str, ...] | None:
    """Return the properties that a request wants, in the layer's order; None for all of them.

    Raises
    ------
    InputError
        When the layer has no such property.
    """
    if written is None:
        return None
    names = [name for name in written.split(",") if name]
    known = property_names(layer)
    for name in names:
        if name not in known:
            queryable(layer, name)
    return tuple(name for name in known if name in names)


def read_limit(value: str | None, name: str = "limit") -> int:
    """Return a page size: what is asked, clamped to 1 … 10,000 rather than refused, since clients guess high."""
    if value is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"-?[0-9]{1,4000}", value):
        raise InputError(f"参数 {name} 的值 {value!r} 不是整数。", f"The value {value!r} of {name} is no whole number.")
    return max(1, min(MAX_LIMIT, int(value)))


ItemsAsked = Annotated[AskedItems, Depends(items_asked)]
