"""A page: Folium's map with our own scripts and styles, and nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import folium
from branca.element import CssLink, Figure, JavascriptLink
from folium.template import Template
from jinja2 import Environment

from maps.safe import embed_json
from maps.static_files import STATIC_URL, data_url, static_url

_SCRIPTS = (
    "leaflet/leaflet.js",
    "leaflet.fullscreen/Control.FullScreen.js",
    "map/canvas.js",
    "map/features.js",
    "map/squares.js",
    "map/labels.js",
    "map/popup.js",
    "map/curve.js",
    "map/answer.js",
    "map/panel.js",
    "map/spelling.js",
    "map/named.js",
    "map/search.js",
    "map/measure.js",
    "map/places.js",
    "map/narrowing.js",
    "map/asking.js",
    "map/frame.js",
    "map/page.js",
)
_STYLES = (
    "leaflet/leaflet.css",
    "leaflet.fullscreen/Control.FullScreen.css",
    "map/page.css",
    "map/answer.css",
    "map/asking.css",
)
PAGE_FILES = (*_SCRIPTS, *_STYLES)
"""Names of all scripts and styles of a page."""

# Autoescape is on: only what is marked safe below, which Folium or safe.embed_json made, goes in as it is.
_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<title>{{ title }}</title>
<link rel="icon" href="{{ icon }}">
{% for part in head %}{{ part|safe }}
{% endfor %}</head>
<body>
<noscript>
<p class="gis-noscript">这张地图要用浏览器的 JavaScript 绘制。请在浏览器设置里允许本页运行脚本,然后刷新。</p>
</noscript>
{{ body|safe }}
{% for name, text in blocks %}<script type="application/json" id="{{ name }}">{{ text|safe }}</script>
{% endfor %}<script>{{ script|safe }}</script>
</body>
</html>
"""
)


class Page(Figure):
    """The document around a map: language, title, viewport, links and data blocks.

    Data does not go through branca's own elements: they parse rendered text a second time as a template, which takes
    long on megabytes and would run what a stored value contains.
    """

    def __init__(self, title: str) -> None:
        super().__init__(title=title)
        self._id = "page"
        self._blocks: dict[str, str] = {}

    def add_block(self, name: str, json_text: str) -> None:
        """Embed JSON text as ``<script type="application/json" id="…">``, escaped."""
        self._blocks[name] = embed_json(json_text)

    def render_with(self, link: Callable[[str, bool], str]) -> str:
        """Return the page's HTML.

        Parameters
        ----------
        link
            Given a script's or style's address and whether it is a style, returns the tag that stands for it.
        """
        for child in self._children.values():
            child.render()
        head = [
            link(part.url, isinstance(part, CssLink)) if isinstance(part, JavascriptLink | CssLink) else part.render()
            for name, part in self.header._children.items()  # noqa: SLF001 - branca has no public reading of it
            if name != "meta_http"
        ]
        return _PAGE.render(
            title=self.title,
            icon=data_url("map/icon.svg"),
            head=head,
            body=self.html.render(),
            blocks=self._blocks.items(),
            script=self.inline_script(),
        )

    def render(self, **_kwargs: Any) -> str:
        """Return the page as the service hands it out: scripts and styles are links with their version."""
        return self.render_with(_versioned_link)

    def inline_script(self) -> str:
        """Return the only script that stands in the page itself: Folium's lines that make the map.

        It holds no data, so its hash is known before a request and a strict Content-Security-Policy may allow it.
        """
        return str(self.script.render())

    def script_hash(self) -> str:
        """Return the source expression ``'sha256-…'`` of the inline script for a Content-Security-Policy header."""
        for child in self._children.values():
            child.render()
        digest = hashlib.sha256(self.inline_script().encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


class PageMap(folium.Map):
    """Folium's map with our asset names only, drawn on one canvas, centred on a community.

    Parameters
    ----------
    name
        The map's name in the address and in the script, lower case letters.
    title
        Title of the document.
    bbox
        ``(west, south, east, north)`` in degrees that the map opens on.
    config
        What ``map/page.js`` needs; becomes the data block ``gis-config``.
    fetches
        Addresses the page may fetch later: layers, tiles. A single file may have none.
    """

    _template = Template(
        """
        {% macro header(this, kwargs) %}{% endmacro %}
        {% macro html(this, kwargs) %}<div class="folium-map" id={{ this.get_name()|tojson }}></div>{% endmacro %}
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
                center: {{ this.location|tojson }},
                crs: L.CRS.{{ this.crs }},
                renderer: gis.canvas(),
                ...{{ this.options|tojavascript }}
            });
            gis.start({{ this.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(
        self,
        name: str,
        title: str,
        bbox: tuple[float, float, float, float],
        config: dict[str, object],
        *,
        fetches: tuple[str, ...] = (),
    ) -> None:
        west, south, east, north = bbox
        super().__init__(
            location=[(south + north) / 2, (west + east) / 2],
            tiles=None,
            zoom_start=15,
            prefer_canvas=True,
            zoom_control=False,
            attribution_control=False,
            zoom_snap=0.25,
            zoom_delta=0.5,
            wheel_px_per_zoom_level=90,
            min_zoom=9,
            max_zoom=20,
        )
        # Of this page only: Folium's own lists name outside hosts, and its methods would change them for every map.
        self.default_js = [(name, STATIC_URL + name) for name in _SCRIPTS]
        self.default_css = [(name, STATIC_URL + name) for name in _STYLES]
        # branca gives elements random ids; a page has one map, and the same answer must make the same bytes.
        self._id = name
        self.fetches = fetches
        self.page = Page(title)
        self.page.add_child(self, name=self.get_name())
        self.page.add_block("gis-config", json.dumps({**config, "bbox": bbox}, ensure_ascii=False))


def _versioned_link(url: str, is_style: bool) -> str:
    if not url.startswith(STATIC_URL):
        raise LookupError(f"页面引用了外部文件 {url}:只能引用 {STATIC_URL} 下的文件")
    address = static_url(url.removeprefix(STATIC_URL))
    return f'<link rel="stylesheet" href="{address}">' if is_style else f'<script src="{address}"></script>'
