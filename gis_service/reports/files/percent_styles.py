"""Which styles of a workbook show a number as percent: what they show is a hundred times what the cell holds."""

from __future__ import annotations

import re
from typing import Final

from gis_service.reports.files.markup import read_markup
from gis_service.reports.files.package import Package

_SAID: Final = re.compile(r'"[^"]*"|\\.|_.')
"""What a format only writes: a sign in quotation marks or behind a backslash doesn't make a number a percentage."""
_BUILT_IN: Final = frozenset({"9", "10"})
"""Numbers of the formats 0% and 0.00%, which every programme knows (ECMA-376, 18.8.30)."""


def percent_styles(package: Package) -> frozenset[str]:
    """Return the numbers of the styles, as cells name them, whose format is one of percent."""
    parts = package.by_kind(package.main, "styles")
    if not parts:
        return frozenset()
    styles = read_markup(package.read(parts[0]), parts[0], {"numFmt", "cellXfs", "xf"})
    formats = {
        element.attributes["numFmtId"] for element in styles.elements
        if element.name == "numFmt" and "%" in _SAID.sub("", element.attributes.get("formatCode", ""))
    }  # fmt: skip
    around = next((at for at, element in enumerate(styles.elements) if element.name == "cellXfs"), None)
    shown = [element for element in styles.elements if element.name == "xf" and element.parent == around]
    wanted = formats | _BUILT_IN
    return frozenset(str(at) for at, one in enumerate(shown) if one.attributes.get("numFmtId") in wanted)
