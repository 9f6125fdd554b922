"""Paper, kinds of files, where things stand on a sheet, and the scale that fits: in millimetres from the lower left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gis_service.errors import InputError

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH

SCALES = (500, 1000, 1500, 2000, 2500, 5000, 7500, 10_000, 15_000, 20_000, 25_000, 50_000, 100_000, 200_000)
"""Denominators that a sheet may have; a whole community of a few square kilometres takes 1:5,000 to 1:25,000."""

FORMATS = {
    "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}  # fmt: skip
"""Kinds of files: sheets; a workbook holds the figures of a map instead of its picture; slides have both."""
WORKBOOK, SLIDES = "xlsx", "pptx"
UNDIVIDED = frozenset({WORKBOOK, SLIDES})
"""Kinds that have neither paper nor scale, and are of the whole community: slides hold one for each grid anyway."""

_SPARE = 1.02
"""The ground fills the frame but for a rim of one in a hundred on each side."""


class Paper(StrEnum):
    """Sizes of ISO 216."""

    A4 = "A4"
    A3 = "A3"
    A1 = "A1"


class Orientation(StrEnum):
    """Which side lies at the bottom."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"


_SIZES = {Paper.A4: (210.0, 297.0), Paper.A3: (297.0, 420.0), Paper.A1: (594.0, 841.0)}
_LETTERING = {Paper.A4: 0.8, Paper.A3: 1.0, Paper.A1: 1.9}


@dataclass(frozen=True)
class Box:
    """A rectangle on the paper."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width


@dataclass(frozen=True)
class Layout:
    """Where things stand on a sheet.

    Attributes
    ----------
    frame
        The map itself, without the numbers of the coordinate grid around it.
    panel
        Legend, figures and rules: at the right of a wide sheet, below the map of a tall one.
    lettering
        By which the size of text and symbols is multiplied: an A1 hangs on a wall.
    """

    width: float
    height: float
    head: Box
    frame: Box
    panel: Box
    foot: Box
    lettering: float
    landscape: bool


def layout_of(
    paper: Paper, orientation: Orientation, panel_height: Callable[[float], float], most: float = 0.36
) -> Layout:
    """Return where things stand on a sheet of paper.

    ``panel_height`` says, for a lettering, how many millimetres the panel of a tall sheet needs; it gets at most the
    share ``most`` of the sheet's height.
    """
    short, long = _SIZES[paper]
    k = _LETTERING[paper]
    landscape = orientation is Orientation.LANDSCAPE
    width, height = (long, short) if landscape else (short, long)
    margin, rim = 8.0 * k, 5.0 * k
    head = Box(margin, height - margin - 19 * k, width - 2 * margin, 19 * k)
    foot = Box(margin, margin * 0.6, width - 2 * margin, 12 * k)
    below = foot.top + 2 * k
    if landscape:
        panel_width = max(0.225 * width, 66 * k)
        panel = Box(width - margin - panel_width, below, panel_width, head.y - below)
        frame = Box(margin + rim, below + rim, panel.x - margin - 2 * rim - 3 * k, head.y - below - 2 * rim)
    else:
        panel = Box(margin, below, width - 2 * margin, min(panel_height(k), most * height))
        bottom = panel.top + 3 * k + rim
        frame = Box(margin + rim, bottom, width - 2 * margin - 2 * rim, head.y - bottom - rim)
    return Layout(width, height, head, frame, panel, foot, k, landscape)


def scale_of(frame: Box, width_m: float, height_m: float, wanted: int | None = None) -> int:
    """Return the denominator of the largest scale at which so much ground fits into the frame.

    Raises
    ------
    InputError
        When it fits at none of ``SCALES``, or not at the one that was wanted.
    """

    def fits(denominator: int) -> bool:
        return (
            width_m * _SPARE <= frame.width / 1000 * denominator
            and height_m * _SPARE <= frame.height / 1000 * denominator
        )

    found = next((one for one in SCALES if fits(one)), None)
    if found is None:
        raise InputError(
            f"范围 {width_m / 1000:.0f} × {height_m / 1000:.0f} 千米太大,1:{SCALES[-1]:,} 也放不下;请选更大的纸。",
            "The ground is too large for the paper.",
        )
    if wanted is None:
        return found
    if wanted not in SCALES:
        listed = "、".join(f"1:{one:,}" for one in SCALES)
        raise InputError(f"比例尺 1:{wanted:,} 不在常用之列;有:{listed}。", f"1:{wanted} is no usual scale.")
    if wanted < found:
        raise InputError(
            f"比例尺 1:{wanted:,} 太大,这张纸放不下整个范围;最大 1:{found:,},或选更大的纸、只出一个网格。",
            f"The ground doesn't fit at 1:{wanted}.",
        )
    return wanted


def undivided() -> InputError:
    """Return the error for what has no part for one grid."""
    return InputError(
        "工作簿、幻灯片和对外的图不分网格;请把范围选成整个社区。",
        "Workbooks, slides and public maps aren't made for a grid.",
    )
