"""What an analysis answers: a sentence, figures, the rules behind them, and features to draw, ready for any door."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from layers.field import Kind
from layers.rules import Rule
from layers.style import Marker

CLASS = "class"
"""The property of a feature that says to which class of its theme it belongs."""


class Ramp(StrEnum):
    """How the classes of a theme follow each other; the drawing chooses colours for it."""

    SEQUENTIAL = "sequential"
    """From little to much."""
    DIVERGING = "diverging"
    """From loss through no change to gain; the number of classes is odd and the middle one is no change."""
    REACH = "reach"
    """Within reach, between them at need what is reached less well, and left out."""
    SEVERITY = "severity"
    """From harmless to grave, at most four."""
    CATEGORY = "category"
    """Kinds without an order, at most six."""


@dataclass(frozen=True)
class Class:
    """One line of a legend: ``key`` stands in the features' property ``class``; marker and outline are for points."""

    key: str
    title: str
    marker: Marker | None = None
    outlined: bool = False


@dataclass(frozen=True)
class Column:
    """One property of a theme's features, as popups, tables and downloads show it.

    ``filtered`` makes the page offer its values as a filter; ``codes`` is ``{stored value: label}``.
    """

    name: str
    title: str
    kind: Kind = Kind.TEXT
    unit: str | None = None
    codes: Mapping[str, str] | None = None
    filtered: bool = False


@dataclass(frozen=True)
class Theme:
    """Features of one kind that a map draws in one colouring.

    Attributes
    ----------
    geometry
        ``POINT``, ``MULTILINESTRING`` or ``MULTIPOLYGON``.
    label
        The column whose value is a feature's title.
    features
        A FeatureCollection as JSON text, CGCS2000 degrees, longitude first; properties are the columns and ``class``.
    timed
        A column with the date by whose month a page may step through the features, or None.
    shown
        Whether the theme is on when a map opens.
    choice
        Themes of one choice exclude each other on a map; "" for a theme that may lie over any other.
    listed
        Whether a sheet lists the features, which then come in the order in which they matter.
    lattice_m
        Side in metres of the squares that stand for features too many to draw, or None; ``count`` is of the features.
    """

    name: str
    title: str
    geometry: str
    label: str
    columns: tuple[Column, ...]
    classes: tuple[Class, ...]
    ramp: Ramp
    features: str
    count: int
    marker: Marker = Marker.CIRCLE
    timed: str | None = None
    shown: bool = True
    choice: str = ""
    listed: bool = False
    lattice_m: int | None = None


@dataclass(frozen=True)
class Fact:
    """One figure of an answer; ``value`` None is shown as unknown, with ``note`` saying why.

    ``theme`` and ``where`` (properties and the value each must have) lead from the figure to the features behind it.
    """

    title: str
    value: float | None
    unit: str
    note: str = ""
    theme: str | None = None
    where: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Curve:
    """What is gained step by step: ``values[k]`` for ``k + 1`` of ``step``, to be drawn as a line that begins at 0."""

    title: str
    step: str
    unit: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """The answer of one analysis about one community.

    Attributes
    ----------
    finding
        One Chinese sentence that says what the map shows, with its figures.
    method
        How it was reckoned, and over which denominator, in Chinese.
    on
        The day for which ages and time limits are reckoned.
    dated
        Whether that day makes a difference; what doesn't depend on it tells the records as they stand.
    unit
        Of the measure that the first theme is coloured by.
    srid
        EPSG code of the system in which metres were measured.
    rules
        Thresholds that were used, each with its basis.
    """

    name: str
    title: str
    community: str
    on: date
    srid: int
    unit: str
    finding: str
    method: str
    facts: tuple[Fact, ...]
    themes: tuple[Theme, ...]
    rules: tuple[Rule, ...] = field(default=())
    curves: tuple[Curve, ...] = field(default=())
    dated: bool = True

    def theme(self, name: str) -> Theme:
        """Return one theme; KeyError when the answer has none of that name."""
        return next(theme for theme in self.themes if theme.name == name)


@dataclass(frozen=True)
class Breaks:
    """Frozen bounds between classes of a number, so that maps of two months can be compared.

    A value belongs to the class whose lower bound it reaches; ``bounds`` (5, 20) make 不到 5, 5–20 and 20 及以上.
    Of counts ``least`` is the smallest there is, and with 1 the titles are 1–4, 5–19 and 20 及以上.
    """

    bounds: tuple[float, ...]
    unit: str
    least: int | None = None

    def classes(self) -> tuple[Class, ...]:
        """Return the classes from the least to the most; their keys are ``"0"``, ``"1"`` and so on."""
        bounds, unit = self.bounds, self.unit if self.unit == "%" else f" {self.unit}"
        if self.least is None:
            titles = [f"不到 {bounds[0]:g}{unit}"]
            titles += [f"{low:g}–{high:g}{unit}" for low, high in itertools.pairwise(bounds)]
        else:
            ranges = [(low, high - 1) for low, high in itertools.pairwise((self.least, *bounds))]
            titles = [f"{low:g}{f'–{high:g}' if high > low else ''}{unit}" for low, high in ranges]
        titles.append(f"{bounds[-1]:g}{unit}及以上")
        return tuple(Class(str(number), title) for number, title in enumerate(titles))

    def keys(self, values: Sequence[float]) -> list[str]:
        """Return for each value the key of its class."""
        return [str(bisect_right(self.bounds, value)) for value in values]


def percent(part: float, whole: float) -> float | None:
    """Return a share in percent to one decimal, None of nothing."""
    return round(100 * part / whole, 1) if whole else None
