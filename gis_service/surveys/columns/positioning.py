"""How far off a recorded position may be: which columns say so, and from where on to warn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from layers.check import GpsAccuracy
from layers.field import fold
from layers.layer import Layer
from layers.rules import RULES, Rule

# ODK writes <question>-Accuracy, KoBoToolbox _<question>_precision, QField and receivers their own words.
_METRES: Final = re.compile(
    r".+-accuracy|.*precision|(?:horizontal|gps|gnss|h)accuracy(?:\(m\))?|hacc|hrms|gnsshrms"
    r"|(?:gps|gnss|卫星|水平|平面)?(?:定位|测量)?(?:精度|误差)(?:\(?(?:m|米)\)?)|(?:gps|gnss|水平)(?:定位)?(?:精度|误差)|定位误差"
)
_DILUTION: Final = re.compile(r"(?:gps|gnss)?hdop(?:值)?")
_SHARE_OF_NUMBERS: Final = 0.8


@dataclass(frozen=True)
class PositionLimit:
    """From where on a recorded accuracy is warned of.

    Attributes
    ----------
    most
        In metres, or without unit for a dilution of precision.
    dilution
        Whether the file gives the dilution (HDOP) instead of metres.
    """

    most: float
    dilution: bool = False

    def exceeded_by(self, cell: object) -> str | None:
        """Return a sentence when a cell says that the position is less certain than it should be."""
        value = _number(cell)
        if value is None or value <= self.most:
            return None
        unit = "" if self.dilution else " 米"
        name = "卫星定位的 HDOP" if self.dilution else "定位误差"
        return f"{name}为 {value:g}{unit},超过 {self.most:g}{unit};请对照地图核对位置,必要时到开阔处重新采集。"


DEFAULT_LIMIT: Final = PositionLimit(RULES[GpsAccuracy().rule].value)


def position_limit(layer: Layer, column: str, rules: Mapping[str, Rule] = RULES) -> PositionLimit:
    """Return the limit for a column of accuracies, as the layer declares it and the community applies it.

    Parameters
    ----------
    column
        The header of the column.
    rules
        The community's thresholds (``gis_service.rules.read_rules``).
    """
    if is_dilution(column):
        return PositionLimit(rules["survey.hdop"].value, dilution=True)
    declared = next((check for check in layer.checks if isinstance(check, GpsAccuracy)), GpsAccuracy())
    return PositionLimit(rules[declared.rule].value)


def accuracy_column(columns: Sequence[str], skipped: Iterable[int] = ()) -> int | None:
    """Return the position of the column that says how far off each position may be, metres before dilution."""
    left = [position for position in range(len(columns)) if position not in set(skipped)]
    metres = [position for position in left if _METRES.fullmatch(fold(columns[position]))]
    dilutions = [position for position in left if is_dilution(columns[position])]
    return next(iter([*metres, *dilutions]), None)


def is_dilution(column: str) -> bool:
    """Return whether a column gives the dilution of precision instead of metres."""
    return _DILUTION.fullmatch(fold(column)) is not None


def holds_numbers(cells: Iterable[object]) -> bool:
    """Return whether a column's cells are numbers, as no class of accuracy (A, B, C) is."""
    given = [cell for cell in cells if cell is not None and cell != ""]
    numbers = sum(1 for cell in given if _number(cell) is not None)
    return bool(given) and numbers >= _SHARE_OF_NUMBERS * len(given)


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        return float(cell.lower().removesuffix("米").removesuffix("m")) if isinstance(cell, str) else float(cell)
    except ValueError:
        return None
