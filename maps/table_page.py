"""Features as a page: a table with Chinese titles, links to the other formats, and a small map of the same features."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.record import Record
from maps.safe import embed_json
from maps.static_files import data_url, static_url

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_KEPT = {"community": "社区代码", "grid": "网格代码", "version": "版本", "recorded_at": "记录时间"}
_SCRIPTS = ("leaflet/leaflet.js", "map/items.js")
_STYLES = ("leaflet/leaflet.css", "map/items.css")
TABLE_FILES = (*_SCRIPTS, *_STYLES)
"""Names of the scripts and styles of these pages."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""What such a page may load: scripts, styles and features of this service, nothing else."""

# Autoescape is on: only what safe.embed_json made goes in as it is.
_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<link rel="icon" href="{{ icon }}">
{% for style in styles %}<link rel="stylesheet" href="{{ style }}">
{% endfor %}</head>
<body>
<header>
<nav class="gis-path">{% for name, href in path %}<a href="{{ href }}">{{ name }}</a> › {% endfor %}{{ here }}</nav>
<h1>{{ title }}</h1>
<p class="gis-summary">{{ summary }}</p>
</header>
<main>
<section class="gis-map-part"><div id="gis-map" aria-label="地图"></div>
<noscript><p>地图要用浏览器的 JavaScript 绘制;下面的表格不受影响。</p></noscript></section>
<div class="gis-bar">
{% if count %}<p class="gis-count">{{ count }}</p>{% endif %}
{% if pages %}<nav class="gis-pages">
{% for name, href in pages %}<a href="{{ href }}">{{ name }}</a>{% endfor %}</nav>
{% endif %}
<nav class="gis-formats"><span>{{ formats_title }}</span>
{% for name, href in formats %}<a href="{{ href }}" rel="alternate">{{ name }}</a>{% endfor %}</nav>
</div>
{% if single %}<table class="gis-one"><tbody>
{% for name, value in single %}<tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</tbody></table>
{% elif rows %}<div class="gis-scroll" tabindex="0" role="region" aria-label="{{ title }}的表格">
<table class="gis-many"><thead>
<tr>{% for name in heads %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr data-feature="{{ row.id }}"><th scope="row"><a href="{{ row.href }}">{{ row.name }}</a></th>
{%- for cell, number in row.cells %}<td{% if number %} class="gis-number"{% endif %} title="{{ cell }}">{{ cell }}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if left_out %}<p class="gis-note">本页全空、未列出的字段:{{ left_out }}。</p>{% endif %}
{% else %}<p class="gis-none">没有符合条件的要素。</p>{% endif %}
<p class="gis-note">{{ note }}</p>
</main>
<script type="application/json" id="gis-items">{{ block|safe }}</script>
{% for script in scripts %}<script src="{{ script }}"></script>
{% endfor %}</body>
</html>
"""
)


@dataclass(frozen=True)
class ItemsView:
    """What stands around the features of a page.

    Attributes
    ----------
    path
        Names and addresses of what lies above.
    count
        A sentence on how many there are.
    pages, formats
        Names and addresses of other pages, and of this answer in other formats.
    items_url
        Address below which each feature has its own.
    background
        Addresses of GeoJSON drawn pale under the features, for people to know where they are.
    """

    path: Sequence[tuple[str, str]]
    count: str
    pages: Sequence[tuple[str, str]]
    formats: Sequence[tuple[str, str]]
    items_url: str
    background: Sequence[str] = ()


def items_page(layer: Layer, features: Sequence[Mapping[str, Any]], view: ItemsView) -> str:
    """Return a page of features as HTML.

    Parameters
    ----------
    features
        GeoJSON features with coordinates in CRS84; personal fields are never among their properties.
    """
    names = _names(features)
    filled = [name for name in names if any(one["properties"].get(name) not in (None, []) for one in features)]
    shown = [name for name in filled if name != layer.label]
    fields = {field.name: field for field in layer.fields}
    rows = [
        {
            "id": one["id"],
            "href": f"{view.items_url}/{quote(str(one['id']))}?f=html",
            "name": _name_of(layer, one, fields),
            "cells": [
                (show(fields.get(name), one["properties"].get(name)), _is_number(fields.get(name))) for name in shown
            ],
        }
        for one in features
    ]
    label = fields[layer.label].title
    left_out = "、".join(_title(fields, name) for name in names if name not in filled)
    return _render(
        layer, features, view, title=layer.title, here=layer.title, summary=layer.summary, rows=rows,
        heads=[label, *(_title(fields, name) for name in shown)], left_out=left_out,
        formats_title="整份下载:",
    )  # fmt: skip


def item_page(layer: Layer, feature: Mapping[str, Any], view: ItemsView) -> str:
    """Return the page of one feature: every property with its Chinese title, and where it lies."""
    fields = {field.name: field for field in layer.fields}
    name = _name_of(layer, feature, fields)
    single = [
        (_title(fields, key), show(fields.get(key), feature["properties"][key]) or "—") for key in _names([feature])
    ]
    return _render(
        layer, [feature], view, title=f"{layer.title} {name}", here=name, summary=layer.summary,
        single=[("标识", feature["id"]), *single], formats_title="其他格式:",
    )  # fmt: skip


def show(field: LayerField | None, value: object) -> str:
    """Return a property as a person reads it: labels for codes, units, Beijing time."""
    if value is None:
        return ""
    if (field is None or field.kind is Kind.TIME) and isinstance(value, str) and "T" in value:
        try:
            return datetime.fromisoformat(value).astimezone(_SHANGHAI).strftime("%Y-%m-%d %H:%M")
        except ValueError:
            return value
    return str(value) if field is None else field.show(value)


def _render(layer: Layer, features: Sequence[Mapping[str, Any]], view: ItemsView, **parts: Any) -> str:
    style = layer.style
    config = {
        "features": {"type": "FeatureCollection", "features": features},
        "names": {str(one["id"]): _name_of(layer, one, {f.name: f for f in layer.fields}) for one in features},
        "style": {"color": style.color, "fill": style.fill, "width": style.width, "opacity": style.opacity,
                  "by": style.by, "palette": dict(style.palette)},
        "background": list(view.background),
    }  # fmt: skip
    return _PAGE.render(
        icon=data_url("map/icon.svg"),
        scripts=[static_url(name) for name in _SCRIPTS],
        styles=[static_url(name) for name in _STYLES],
        path=view.path,
        count=view.count,
        pages=view.pages,
        formats=view.formats,
        note="坐标为 CGCS2000 / WGS 84 经纬度;时间为北京时间。",
        block=embed_json(json.dumps(config, ensure_ascii=False)),
        **parts,
    )


def _names(features: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of properties: code and name, the layer's own, and last what every layer has."""
    listed = list(features[0]["properties"]) if features else []
    return sorted(
        listed, key=lambda name: name not in {"code", "name"} and (name in _KEPT or name in Record.model_fields)
    )


def _title(fields: Mapping[str, LayerField], name: str) -> str:
    return fields[name].title if name in fields else _KEPT.get(name, name)


def _is_number(field: LayerField | None) -> bool:
    return field is not None and field.kind in {Kind.INTEGER, Kind.NUMBER}


def _name_of(layer: Layer, feature: Mapping[str, Any], fields: Mapping[str, LayerField]) -> str:
    said = feature["properties"]
    return show(fields[layer.label], said.get(layer.label)) or str(
        said.get("name") or said.get("code") or feature["id"]
    )
