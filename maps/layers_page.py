"""The list of layers for people: by group, what each holds, and where its table, its map and its files are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maps.plain_page import rendered


@dataclass(frozen=True)
class LayerEntry:
    """One layer of the list.

    Attributes
    ----------
    title, summary
        What it is called and what it holds.
    items
        Address of its features as a page with map and table.
    links
        Further addresses by name: its description, its files.
    """

    title: str
    summary: str
    items: str
    links: Mapping[str, str]


_PAGE = """{% extends "plain" %}{% block body %}
<p class="quiet">点名称看地图和表格;后面的链接是说明、整个图层的文件和空白表格。</p>
{% for group, entries in groups.items() %}<h2>{{ group }}</h2>
<table class="layers"><tbody>
{% for one in entries %}<tr><td><a href="{{ one.items }}"><strong>{{ one.title }}</strong></a></td>
<td>{{ one.summary }}<br>
{% for name, address in one.links.items() %}<a href="{{ address }}">{{ name }}</a>{% endfor %}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}<p class="quiet">程序用的清单:<a href="{{ json }}" rel="alternate" type="application/json">JSON</a></p>
{% endblock %}"""


def layers_page(title: str, home: str, json: str, groups: Mapping[str, Sequence[LayerEntry]]) -> str:
    """Return the page; ``home`` and ``json`` are the addresses of the home page and of the same list as JSON."""
    return rendered(_PAGE, title, trail=[("首页", home)], groups=groups, json=json)
