"""Thematic maps (专题图): an analysis' answer over the community's quiet ground, in one visual language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from gis_service.analysis.answer import CLASS, Answer, Column, Theme
from gis_service.overview import Overview
from layers.rules import RULES_VERSION
from maps.base_map import BaseLayer
from maps.overview import omitted, overview_config, page_map
from maps.page import PageMap
from maps.palette import HIDDEN, colors

GROUND = ("#e4e1dc", "#c9c5be")
"""Fill and outline of areas that only lie below a theme."""
_SHAPES = {"MULTIPOLYGON": (46, 0.6, 0.74), "MULTILINESTRING": (62, 3.2, 1.0), "POINT": (92, 0.9, 1.0)}
"""Drawing order, width in pixels and opacity of themes: areas over buildings, points over everything."""


def draw(
    overview: Overview,
    answer: Answer,
    base_layers: Sequence[BaseLayer] = (),
    others: Sequence[tuple[str, str]] = (),
    *,
    public: bool = False,
) -> PageMap:
    """Return the page map of an answer.

    Parameters
    ----------
    overview
        The community's ground: the layers under the themes, which are drawn pale.
    public
        Whether the map may leave the house; it says so then, and stands for 内部资料 otherwise.
    """
    config = overview_config(overview, base_layers, others)
    ground = [_quiet(layer) for layer in config["layers"]]  # type: ignore[attr-defined]
    heading = f"{overview.name}{answer.title}"
    data = f"数据截至 {overview.data_date} · {_reckoned(answer)}"
    use = "可对外" if public else "内部资料,注意保管"
    config |= {
        "heading": heading,
        "subtitle": f"{data} · {use}{omitted(overview)}{_gathered(answer)}",
        "layers": [_theme_config(theme) for theme in answer.themes] + ground,
        "answer": {
            "finding": answer.finding,
            "method": answer.method,
            "facts": [asdict(fact) for fact in answer.facts],
            "curves": [asdict(curve) for curve in answer.curves],
            "rulesVersion": RULES_VERSION,
            "rules": [{"title": rule.title, "value": rule.value, "unit": rule.unit, "basis": rule.basis}
                      for rule in answer.rules],
        },
    }  # fmt: skip
    themes = {_name(theme): theme.features for theme in answer.themes}
    return page_map(answer.name, heading, overview, config, base_layers, themes)


def _reckoned(answer: Answer) -> str:
    return f"计算日 {answer.on}" if answer.dated else "按现有记录"


def _gathered(answer: Answer) -> str:
    titles = [theme.title for theme in answer.themes if theme.lattice_m]
    return f" · 要素过多,按方格合计、取最多的一类:{'、'.join(titles)}" if titles else ""


def _name(theme: Theme) -> str:
    return f"theme-{theme.name}"


def _theme_config(theme: Theme) -> dict[str, object]:
    order, width, opacity = _SHAPES[theme.geometry]
    # A class that is kept back is no part of the ramp.
    graded = [one for one in theme.classes if one.key != "hidden"]
    chosen = dict(zip((one.key for one in graded), colors(theme.ramp, len(graded)), strict=True)) if graded else {}
    return {
        "name": _name(theme),
        "theme": theme.name,
        "choice": theme.choice,
        "timed": theme.timed,
        "title": theme.title,
        "group": "专题",
        "geometry": theme.geometry,
        "label": theme.label,
        "count": theme.count,
        "url": None,
        "squared": False,
        "fields": [_field(column) for column in theme.columns],
        "called": [],
        "broad": False,
        "near": False,
        "widthField": None,
        "style": {
            "color": "#ffffff" if theme.geometry == "MULTIPOLYGON" else "#3b3b3b",
            "fill": None if theme.geometry == "MULTILINESTRING" else "#cccccc",
            "width": width,
            "dash": None,
            "opacity": opacity,
            "marker": str(theme.marker),
            "size": 9.0,
            "by": CLASS,
            "palette": [
                {
                    "code": one.key,
                    "label": one.title,
                    "color": chosen.get(one.key, HIDDEN),
                    "marker": str(one.marker) if one.marker else None,
                    "outlined": one.outlined,
                }
                for one in theme.classes
            ],
            "order": order,
            "shown": theme.shown,
            "minZoom": 0,
            "labelledFrom": None,
        },
    }


def _field(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "title": column.title,
        "unit": column.unit,
        "kind": str(column.kind),
        "codes": list(column.codes.items()) if column.codes else None,
        "own": True,
        "filtered": column.filtered,
    }


def _quiet(layer: dict[str, object]) -> dict[str, object]:
    """Return a ground layer without the colours of its kinds: they would be taken for classes of the theme."""
    style = dict(layer["style"])  # type: ignore[call-overload]
    if style["by"] is not None and layer["geometry"] == "MULTIPOLYGON":
        style |= {"by": None, "palette": [], "fill": GROUND[0], "color": GROUND[1]}
    return {**layer, "group": "底图图层", "style": style}
