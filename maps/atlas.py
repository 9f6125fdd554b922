"""All maps by name: HTTP, the command line and the home page derive from this list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import ANALYSES, Analysis
from gis_service.overview import Overview
from layers.registry import LAYERS
from maps import overview, thematic
from maps.base_map import BaseLayer
from maps.page import PageMap

_GROUND = ("community", "grid", "estate", "green", "water", "road", "building")
_PUBLIC_GROUND = ("community", "green", "water", "road")
_PUBLIC_FIELDS = ("code", "name")


@dataclass(frozen=True)
class AtlasMap:
    """One map the service can draw.

    Attributes
    ----------
    name
        In the address and on the command line: ``/maps/<name>``, ``gis-service map <name>``.
    group, title, description
        Chinese, for lists and pages.
    analysis
        The analysis whose answer it draws, or None for the overview.
    ground
        Names of the layers of the community that it shows.
    fields
        The only fields of these layers that it tells, or None for all of them.
    """

    name: str
    group: str
    title: str
    description: str
    analysis: Analysis | None
    ground: Collection[str]
    fields: tuple[str, ...] | None = None

    def draw(
        self,
        answered: Overview,
        answer: Answer | None = None,
        base_layers: Sequence[BaseLayer] = (),
        others: Sequence[tuple[str, str]] = (),
    ) -> PageMap:
        """Return the page map of a community's overview, with the answer of the analysis where the map has one."""
        if self.analysis is None or answer is None:
            return overview.draw(answered, base_layers, others)
        return thematic.draw(answered, answer, base_layers, others, public=self.analysis.public)


def _of(analysis: Analysis) -> AtlasMap:
    ground, fields = (_PUBLIC_GROUND, _PUBLIC_FIELDS) if analysis.public else (_GROUND, None)
    return AtlasMap(analysis.name, analysis.group, analysis.title, analysis.description, analysis, ground, fields)


_OVERVIEW = AtlasMap(
    "overview", "一张图", "社区一张图", "社区边界、网格和全部图层,可搜索、量测、看图例", None, LAYERS.keys()
)

MAPS: dict[str, AtlasMap] = {entry.name: entry for entry in (_OVERVIEW, *map(_of, ANALYSES.values()))}
"""Every map by name, in the order it is listed."""
