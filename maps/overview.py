"""The overview: every layer of a community on one interactive map."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from gis_service.features.along import ALONG
from gis_service.features.pinyin import sounds_in
from gis_service.features.search import BROAD, CALLED
from gis_service.overview import LayerAnswer, Overview
from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.record import Record
from maps.base_map import BaseLayer
from maps.page import PageMap


def draw(overview: Overview, base_layers: Sequence[BaseLayer] = (), others: Sequence[tuple[str, str]] = ()) -> PageMap:
    """Return the page map of one community.

    Layers whose answer carries its GeoJSON stand in the page; the others are fetched by it when they are switched on.

    Parameters
    ----------
    overview
        What the database answered; coordinates in CGCS2000 degrees.
    base_layers
        Tiles a person may switch on under the map; the community's own base map is always there.
    others
        Codes and names of further communities that a served page leads to.

    Raises
    ------
    ValueError
        When a layer has neither its features nor an address to fetch them from.
    """
    config = overview_config(overview, base_layers, others)
    return page_map("overview", str(config["heading"]), overview, config, base_layers)


def overview_config(
    overview: Overview, base_layers: Sequence[BaseLayer], others: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """Return what ``map/page.js`` must know of a community and its layers."""
    return {
        "heading": f"{overview.name}一张图",
        "subtitle": f"数据截至 {overview.data_date} · 共 {sum(answer.count for answer in overview.layers):,} 个要素"
        + omitted(overview),
        "community": overview.community,
        # A served page asks the service, which knows spellings and pinyin; a file searches what it holds.
        "search": "/search" if any(answer.url for answer in overview.layers) else None,
        "dataDate": overview.data_date,
        "leftOut": list(overview.left_out),
        "synthetic": overview.synthetic,
        "attributions": list(overview.attributions),
        "crs": overview.crs_note,
        "layers": [_layer_config(answer) for answer in overview.layers],
        "others": [{"code": code, "name": name} for code, name in others],
        "base": [asdict(layer) for layer in base_layers],
    }


def omitted(overview: Overview) -> str:
    """Return the words that name the layers which are too large to stand in a file, "" where there are none."""
    return f" · {'、'.join(overview.left_out)}过多,未逐个画出" if overview.left_out else ""


def page_map(
    name: str,
    heading: str,
    overview: Overview,
    config: dict[str, object],
    base_layers: Sequence[BaseLayer],
    themes: Mapping[str, str] = MappingProxyType({}),
) -> PageMap:
    """Return a page map that opens on the community and carries the layers whose answer holds their features.

    Parameters
    ----------
    themes
        Name to features (GeoJSON text) of further layers of the page.
    """
    fetched = [answer.url for answer in overview.layers if answer.geojson is None and answer.url is not None]
    tiles = [source.url for layer in base_layers for source in layer.tiles]
    drawn = PageMap(name, heading, overview.bbox, config, fetches=(*fetched, *tiles))
    held = {answer.layer.name: answer.geojson for answer in overview.layers if answer.geojson is not None}
    held |= themes
    for layer, features in held.items():
        drawn.page.add_block(f"gis-layer-{layer}", features)
    if held:
        # By pinyin the page searches what it holds: it is told the sounds of its own characters, and of no others.
        drawn.page.add_block("gis-sounds", json.dumps(sounds_in(*held.values()), ensure_ascii=False))
    return drawn


def _layer_config(answer: LayerAnswer) -> dict[str, object]:
    """Tell what the page must know of a layer once, so that its features carry stored values only."""
    layer = answer.layer
    if answer.geojson is None and answer.url is None:
        raise ValueError(f"图层 {layer.title} 既没有数据也没有取数地址,无法绘制")
    return {
        "name": layer.name,
        "title": layer.title,
        "group": layer.group,
        "geometry": layer.geometry,
        "label": layer.label,
        "count": answer.count,
        "url": answer.url if answer.geojson is None else None,
        "squared": answer.squared,
        "fields": [_field_config(field) for field in sorted(answer.fields, key=_popup_rank)],
        "called": [name for name in CALLED if any(field.name == name for field in answer.fields)],
        "broad": layer.name in BROAD,
        "near": layer in ALONG,
        "widthField": _width_field(layer),
        "style": _style_config(layer),
    }


def _field_config(field: LayerField) -> dict[str, object]:
    return {
        "name": field.name,
        "title": field.title,
        "unit": field.unit,
        "kind": str(field.kind),
        "codes": list(field.codes.items()) if field.codes else None,
        "own": _popup_rank(field) < _FOLDED,
    }


_FOLDED = 3
"""Rank from which popups fold fields away: the fields every layer has, which say how good a row is."""


def _popup_rank(field: LayerField) -> int:
    """Order of a popup's lines: the name, the layer's own fields, the remark, then what every layer has."""
    if field.name not in Record.model_fields:
        return 1
    return {"name": 0, "remark": 2}.get(field.name, _FOLDED)


def _style_config(layer: Layer) -> dict[str, object]:
    style = layer.style
    labels = (layer.field(style.by).codes if style.by else None) or {}
    return {
        "color": style.color,
        "fill": style.fill,
        "width": style.width,
        "dash": style.dash,
        "opacity": style.opacity,
        "marker": str(style.marker),
        "size": style.size,
        "by": style.by,
        # In the order of the code list, which is the order people know.
        "palette": [{"code": code, "label": label, "color": style.palette[code]} for code, label in labels.items()],
        "order": style.order,
        "shown": style.shown,
        "minZoom": style.min_zoom,
        "labelledFrom": style.labelled_from,
    }


def _width_field(layer: Layer) -> str | None:
    """Return the field with a street's true width: a number in metres whose name begins with width."""
    if layer.geometry != "MULTILINESTRING" or layer.style.fill is None:
        return None
    metres = [field for field in layer.fields if field.kind is Kind.NUMBER and field.unit in {"m", "米"}]
    return next((field.name for field in metres if field.name.startswith("width")), None)
