"""What a layer expects of its rows beyond the bounds of single fields; a row that doesn't agree is warned of."""

from __future__ import annotations

from dataclasses import dataclass

SQUARE_METRES = {"m²": 1.0, "公顷": 10_000.0, "km²": 1_000_000.0}
"""Units of areas that can be compared with what is drawn."""


@dataclass(frozen=True)
class AreaAgrees:
    """An area that is given agrees with the area that is drawn.

    Attributes
    ----------
    field
        The area field.
    rule
        Threshold in per cent of the drawn area.
    storeys
        A field that the drawn area is multiplied by, for floor areas.
    floor_rule
        Threshold in m²; smaller differences are never told, since drawing isn't more exact than that.
    """

    field: str
    rule: str
    storeys: str | None = None
    floor_rule: str = "survey.area_floor"


@dataclass(frozen=True)
class NoOverlap:
    """Areas of the layer don't overlap each other.

    Attributes
    ----------
    rule
        Threshold in per cent of the smaller area.
    floor_rule
        Threshold in m²; smaller overlaps are never told.
    within
        Fields: only rows that agree in them may not overlap, such as grids of one level.
    refuse
        Whether an overlapping row is refused rather than warned of.
    """

    rule: str = "survey.overlap"
    floor_rule: str = "survey.overlap_floor"
    within: tuple[str, ...] = ()
    refuse: bool = False


@dataclass(frozen=True)
class GpsAccuracy:
    """Positions are known to so many metres, where a file says how well they are known.

    Attributes
    ----------
    rule
        Threshold in metres; by default the coarsest class of CJ/T 214.
    """

    rule: str = "accuracy.c"


Check = AreaAgrees | NoOverlap | GpsAccuracy
