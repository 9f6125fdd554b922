"""Two plots in one SVG, written by hand: what a request costs whom, and how the cost grows with the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from side_by_side.comparison import Comparison
from side_by_side.growth import GROWING, Growth

BARS = (("items", "items 1,000"), ("z14", "MVT z14"), ("z16", "MVT z16"), ("point", "point in polygon"),
        ("at", "/at"), ("radius", "radius 300 m"), ("nearest", "10 nearest"), ("unchanged14", "304 z14"),
        ("floor", "HTTP floor"))  # fmt: skip
COLORS = {"tipg": "#c1666b", "service": "#2e6f95", "raw": "#9aa5b1"}
NAMES = {"tipg": "tipg", "service": "this service", "raw": "raw SQL"}
_DASHES = {"items": "", "point": "12 3", "radius": "7 4", "nearest": "2 3"}
_WIDTH, _HEIGHT = 1180, 520
_LEFT, _TOP, _BOTTOM, _SPLIT = 60, 70, 440, 800


def draw(middle: Comparison, all_rows: Sequence[int], grown: Growth, title: str) -> str:
    """Return the SVG: bars for one database, lines over the rows of all."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        ' font-size="12" fill="#22303c">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 24, title, size=13),
        _text(_LEFT, 46, f"CPU for each request at {middle.rows:,} rows, server and database, ms (log scale)"),
        _text(_SPLIT + 60, 46, "and over the number of rows"),
    ]
    values = [*_values(middle), *(one.cpu() for figures in grown.values() for one in figures if one)]
    scale = _Scale(min(values), max(values))
    parts += scale.lines(_LEFT, _SPLIT - 20)
    parts += scale.lines(_SPLIT + 60, _WIDTH - 20)
    parts += _bars(middle, scale)
    parts += _lines(all_rows, grown, scale)
    parts += _legend()
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """A logarithmic scale of milliseconds from whole decade to whole decade."""

    def __init__(self, least: float, most: float) -> None:
        self._low = math.floor(math.log10(least))
        self._high = math.ceil(math.log10(most))

    def y(self, value: float) -> float:
        share = (math.log10(value) - self._low) / max(1, self._high - self._low)
        return _BOTTOM - share * (_BOTTOM - _TOP)

    def lines(self, left: float, right: float) -> Iterator[str]:
        for power in range(self._low, self._high + 1):
            y = self.y(10.0**power)
            yield f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e1e6ea"/>'
            yield _text(left - 6, y + 4, f"{10.0**power:g}", anchor="end")


def _values(found: Comparison) -> Iterator[float]:
    for name, _ in BARS:
        for contender in COLORS:
            value = found.cpu(name, contender)
            if value:
                yield value


def _bars(found: Comparison, scale: _Scale) -> Iterator[str]:
    wide = (_SPLIT - 20 - _LEFT) / len(BARS)
    for number, (name, label) in enumerate(BARS):
        left = _LEFT + number * wide
        yield _text(left + wide / 2, _BOTTOM + 18, label, anchor="middle", size=11)
        for place, contender in enumerate(COLORS):
            value = found.cpu(name, contender)
            if not value:
                continue
            x, y = left + wide * (0.1 + 0.27 * place), scale.y(value)
            box = f'x="{x:.1f}" y="{y:.1f}" width="{wide * 0.25:.1f}" height="{_BOTTOM - y:.1f}"'
            yield f'<rect {box} fill="{COLORS[contender]}"/>'
            yield _text(x + wide * 0.125, y - 4, _short(value), anchor="middle", size=9)


def _lines(all_rows: Sequence[int], grown: Growth, scale: _Scale) -> Iterator[str]:
    left, right = _SPLIT + 90, _WIDTH - 60
    along = [left + (right - left) * number / max(1, len(all_rows) - 1) for number in range(len(all_rows))]
    for x, rows in zip(along, all_rows, strict=True):
        yield _text(x, _BOTTOM + 18, f"{rows:,} rows", anchor="middle", size=11)
    for (name, contender), figures in grown.items():
        points = " ".join(f"{x:.1f},{scale.y(one.cpu()):.1f}" for x, one in zip(along, figures, strict=True) if one)
        if points:
            style = f'stroke="{COLORS[contender]}" stroke-width="2"{_dashes(name)}'
            yield f'<polyline points="{points}" fill="none" {style}/>'


def _legend() -> Iterator[str]:
    for number, (contender, color) in enumerate(COLORS.items()):
        x = _LEFT + number * 130
        yield f'<rect x="{x}" y="{_HEIGHT - 34}" width="14" height="14" fill="{color}"/>'
        yield _text(x + 20, _HEIGHT - 22, NAMES[contender])
    for number, name in enumerate(GROWING):
        x, y = _SPLIT + 50 + number * 84, _HEIGHT - 27
        yield f'<line x1="{x}" x2="{x + 30}" y1="{y}" y2="{y}" stroke="#22303c" stroke-width="2"{_dashes(name)}/>'
        yield _text(x + 34, y + 4, name)


def _dashes(name: str) -> str:
    return f' stroke-dasharray="{_DASHES[name]}"' if _DASHES[name] else ""


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
