"""What a hostile upload is: a file made around a bait, the name it is sent under, and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "编号,名称,点位类型,垃圾桶数,经度,纬度"
ROW = "LJ901,东区投放点,定时定点,6,120.9952,30.7040"


@dataclass(frozen=True)
class Bait:
    """What a hostile file would like to reach.

    Attributes
    ----------
    secret
        A file that the service's user can read, and nobody may see.
    address
        Where something listens that nobody may ask.
    folder
        To make files in.
    """

    secret: Path
    address: str
    folder: Path


@dataclass(frozen=True)
class Hostile:
    """A hostile file.

    Attributes
    ----------
    what
        What it tries.
    name
        The name it is sent under.
    make
        Makes its content.
    says
        A part of the sentence that refuses it.
    taken
        For a file that is odd but no attack on anyone: what becomes of its rows, by step; ``{}`` when it only waits
        for an answer. None for files that are refused.
    fields
        What the form says besides.
    """

    what: str
    name: str
    make: Callable[[Bait], bytes]
    says: str = ""
    taken: Mapping[str, int] | None = None
    fields: Mapping[str, str] = field(default_factory=lambda: {"layer": "waste_point", "crs": "EPSG:4490"})

    def __str__(self) -> str:
        """Return what it is known by, in reports and in the list of the telling ones."""
        return f"{self.what} as {self.name[:40]}"


def as_text(content: str, encoding: str = "utf-8") -> Callable[[Bait], bytes]:
    """A file that needs no bait."""
    return lambda _: content.encode(encoding)


def as_bytes(content: bytes) -> Callable[[Bait], bytes]:
    return lambda _: content


def csv_with(bins: str = "6", name: str = "东区投放点", head: str = HEAD) -> Callable[[Bait], bytes]:
    """A table of one row."""
    return as_text(f"{head}\nLJ901,{name},定时定点,{bins},120.9952,30.7040\n")


def feature(properties: str = '"编号":"LJ901","点位类型":"定时定点"', geometry: str = "") -> str:
    geometry = geometry or '{"type":"Point","coordinates":[120.9952,30.7040]}'
    return f'{{"type":"Feature","properties":{{{properties}}},"geometry":{geometry}}}'


def collection(*features: str) -> str:
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}'


def point_feature(**properties: object) -> str:
    given = {"编号": "LJ901", "点位类型": "定时定点", **properties}
    return feature(json.dumps(given, ensure_ascii=False)[1:-1])
