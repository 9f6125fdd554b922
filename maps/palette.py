"""Colours of classes, chosen so that neighbours stay apart for readers who can't tell red from green or blue."""

from __future__ import annotations

from gis_service.analysis.answer import Ramp

HIDDEN = "#9aa0a6"
"""Where a value is kept back."""

_COLORS: dict[Ramp, tuple[str, ...]] = {
    Ramp.SEQUENTIAL: ("#fff6d6", "#fdd27c", "#f28f38", "#d6552b", "#9f2036", "#520d33"),
    Ramp.DIVERGING: ("#1f5fa8", "#86b9de", "#f0efec", "#f2a56b", "#b3380f"),
    Ramp.REACH: ("#4a90c2", "#b9d6ea", "#e66101"),
    Ramp.SEVERITY: ("#f4d58a", "#e08a2c", "#b1302f", "#4a0f3c"),
    Ramp.CATEGORY: ("#0072b2", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#6b4423"),
}


def colors(ramp: Ramp, number: int) -> tuple[str, ...]:
    """Return a colour ``#rrggbb`` for each of ``number`` classes, in their order.

    Fewer classes than colours are spread over an ordered ramp with both its ends; kinds take the first colours.
    What is grave by itself has the colour of grave.

    Raises
    ------
    ValueError
        When the ramp has not so many colours.
    """
    known = _COLORS[ramp]
    if not 0 < number <= len(known):
        raise ValueError(f"{ramp} has {len(known)} colours, not {number}")
    if ramp is Ramp.SEVERITY and number == 1:
        return known[2:3]
    if ramp is Ramp.CATEGORY or number == 1:
        return known[:number]
    return tuple(known[round(place * (len(known) - 1) / (number - 1))] for place in range(number))
