"""A request, and what it may be about, drawn at random from features that a database holds."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.layer import Layer
from layers.registry import LAYERS


@dataclass(frozen=True)
class Known:
    """One feature that a request may be about."""

    layer: str
    id: str
    code: str
    grid: str | None
    lon: float
    lat: float


@dataclass(frozen=True)
class Call:
    """One request."""

    operation: str
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] | None = None
    content: bytes | None = None


class Drawing:
    """Draws what requests are about from features that are known, most beyond the area of whoever will ask."""

    def __init__(self, community: str, known: list[Known], seed: int) -> None:
        self.community = community
        self.random = random.Random(seed)
        self.by_layer: dict[str, list[Known]] = {}
        for one in known:
            self.by_layer.setdefault(one.layer, []).append(one)
        self.grids = sorted({one.grid for one in known if one.grid})

    def known(self, layer: str | None = None) -> Known:
        """Return a feature, of any layer where none is named."""
        return self.random.choice(self.by_layer[layer or self.random.choice(list(self.by_layer))])

    def layer(self) -> Layer:
        """Return a layer; those that are seen by grid come as often as all others."""
        by_grid = [one for one in LAYERS.values() if one.visibility == "grid"]
        return self.random.choice(by_grid if self.random.random() < 0.5 else list(LAYERS.values()))

    def some(self, **choices: Any) -> dict[str, str]:
        """Return a part of the parameters; each is there half of the time."""
        return {
            name.replace("_", "-") if name.startswith("bbox") else name: str(value)
            for name, value in choices.items()
            if self.random.random() < 0.5
        }

    def box(self, near: Known) -> str:
        """Return a box about a feature, from metres to the whole community."""
        size = self.random.choice((1e-4, 1e-3, 0.01, 0.1))
        return f"{near.lon - size:.6f},{near.lat - size:.6f},{near.lon + size:.6f},{near.lat + size:.6f}"
