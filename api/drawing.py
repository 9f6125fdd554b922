"""From a map's name to its page: read the ground, ask the analysis, draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from gis_service.analysis.answer import Answer, Theme
from gis_service.analysis.catalog import ANALYSES, Analysis, refuse_partial
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.errors import NotFoundError
from gis_service.overview import read_overview
from gis_service.scope import Scope
from layers.layer import Layer
from maps.atlas import MAPS, AtlasMap
from maps.base_map import BaseLayer
from maps.page import PageMap

MOST_GROUND = 30_000
"""Features of a layer that a page holds whole: a browser pans this many smoothly, and a city's would stop it."""


def map_named(name: str) -> AtlasMap:
    """Return a map of the atlas; NotFoundError when there is none of that name."""
    if name not in MAPS:
        raise NotFoundError(
            f"没有地图 {name!r};有:{'、'.join(MAPS)}。",
            f"There is no map {name!r}; see /maps.",
        )
    return MAPS[name]


def analysis_named(name: str) -> Analysis:
    """Return an analysis; NotFoundError when there is none of that name."""
    if name not in ANALYSES:
        raise NotFoundError(
            f"没有分析 {name!r};有:{'、'.join(ANALYSES)}。", f"There is no analysis {name!r}; see /analyses."
        )
    return ANALYSES[name]


def theme_named(answer: Answer, name: str | None) -> Theme:
    """Return a theme of an answer, the first one without a name; NotFoundError when there is none of that name."""
    found = next((theme for theme in answer.themes if name in {None, theme.name}), None)
    if found is None:
        names = "、".join(theme.name for theme in answer.themes) or "无"
        raise NotFoundError(f"没有表 {name!r};有:{names}。", f"There is no theme {name!r}.")
    return found


def answer_of(database: Database, scope: Scope, analysis: Analysis, community: str, on: date) -> Answer:
    """Return the answer of an analysis about a community.

    Raises
    ------
    ForbiddenError
        When it is for outside, and whoever asks doesn't see the whole community: its numbers would be wrong.
    """
    refuse_partial(scope, analysis, community)
    with database.read(scope) as conn:
        return analysis.compute(conn, scope, read_area(conn, community), on=on)


def draw_map(
    database: Database,
    scope: Scope,
    entry: AtlasMap,
    community: str,
    on: date,
    *,
    url: Callable[[Layer], str] | None = None,
    base_layers: Sequence[BaseLayer] = (),
    others: Sequence[tuple[str, str]] = (),
) -> PageMap:
    """Return a map as a page; ``url`` says where a served page fetches the ground's layers.

    A map that tells some fields only carries its ground itself: what is fetched would tell them all.
    """
    refuse_partial(scope, entry.analysis, community)
    with database.read(scope) as conn:
        answered = read_overview(
            conn, scope, community, url=url if entry.fields is None else None, layers=entry.ground, names=entry.fields,
            most=MOST_GROUND,
        )  # fmt: skip
        answer = entry.analysis.compute(conn, scope, read_area(conn, community), on=on) if entry.analysis else None
    return entry.draw(answered, answer, base_layers, others)
