"""All maps by name: HTTP, the command line and the home page derive from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maps import overview
from maps.page import PageMap


@dataclass(frozen=True)
class AtlasMap:
    """One map the service can draw.

    Attributes
    ----------
    name
        In the address and on the command line: ``/maps/<name>``, ``gis-service map <name>``.
    title, description
        Chinese, for lists and pages.
    draw
        Makes the page map from the answer of the same name (``gis_service.<name>``) and the base layers.
    """

    name: str
    title: str
    description: str
    draw: Callable[..., PageMap]


MAPS: dict[str, AtlasMap] = {
    entry.name: entry
    for entry in (AtlasMap("overview", "社区一张图", "社区边界、网格和全部图层,可搜索、量测、看图例", overview.draw),)
}
"""Every map by name, in the order it is listed."""
