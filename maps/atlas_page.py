"""The list of maps, or of analyses, for people: by group, each with what it shows and where its files are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gis_service.analysis.answer import Answer, Theme
from layers.rules import RULES_VERSION
from maps.numbers import written
from maps.plain_page import rendered


@dataclass(frozen=True)
class ListedMap:
    """One entry: its title, what it shows, its address, and further addresses by name."""

    title: str
    description: str
    address: str
    links: Mapping[str, str]


_PAGE = """{% extends "plain" %}{% block body %}
<p class="quiet">{{ hint }}</p>
{% for group, entries in groups.items() %}<h2>{{ group }}</h2>
<table class="layers"><tbody>
{% for one in entries %}<tr><td><a href="{{ one.address }}"><strong>{{ one.title }}</strong></a></td>
<td>{{ one.description }}<br>
{% for name, address in one.links.items() %}<a href="{{ address }}">{{ name }}</a>{% endfor %}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}{% endblock %}"""


def atlas_page(title: str, hint: str, groups: Mapping[str, Sequence[ListedMap]]) -> str:
    """Return the page."""
    return rendered(_PAGE, title, trail=[("首页", "/")], hint=hint, groups=groups)


_ANSWER = """{% extends "plain" %}{% block body %}
<p><strong>{{ answer.finding }}</strong></p>
<p class="quiet">
{% if answer.dated %}计算日 {{ answer.on }}{% else %}按现有记录,不随计算日变化{% endif %}
· 单位 {{ answer.unit }} · 量测坐标系 EPSG:{{ answer.srid }}</p>
<p>{{ answer.method }}</p>
<p>{% for name, address in links %}<a href="{{ address }}">{{ name }}</a> {% endfor %}</p>
<h2>数字</h2><table><tbody>
{% for fact in answer.facts %}<tr><th scope="row">{{ fact.title }}</th>
<td>{% if fact.value is none %}无数据{% else %}{{ written(fact.value) }} {{ fact.unit }}{% endif %}
{% if fact.note %}<br><span class="quiet">{{ fact.note }}</span>{% endif %}</td></tr>
{% endfor %}</tbody></table>
{% for curve in answer.curves %}<h2>{{ curve.title }}</h2><table><tbody>
{% for value in curve.values %}<tr><th scope="row">{{ loop.index }} {{ curve.step }}</th>
<td>{{ written(value) }} {{ curve.unit }}<br><span class="quiet">比少一{{ curve.step }}多
{{ written(value - (curve.values[loop.index0 - 1] if loop.index0 else 0)) }} {{ curve.unit }}</span></td></tr>
{% endfor %}</tbody></table>{% endfor %}
{% if answer.rules %}<h2>阈值与依据(阈值表 {{ version }} 版)</h2><table><tbody>
{% for rule in answer.rules %}<tr><th scope="row">{{ rule.title }}</th>
<td>{{ "{:g}".format(rule.value) }} {{ rule.unit }}<br><span class="quiet">{{ rule.basis }}</span></td></tr>
{% endfor %}</tbody></table>{% endif %}
<h2>明细</h2><table><tbody>
{% for theme, address in themes %}<tr><th scope="row">{{ theme.title }}</th>
<td>{{ theme.count }} 个要素 · <a href="{{ address }}">CSV 表格</a></td></tr>
{% endfor %}</tbody></table>
{% endblock %}"""


def answer_page(
    answer: Answer, title: str, links: Sequence[tuple[str, str]], themes: Sequence[tuple[Theme, str]]
) -> str:
    """Return an answer as a page to read: its sentence, figures, thresholds, and where its tables are."""
    return rendered(_ANSWER, title, trail=[("首页", "/"), ("专题地图", "/maps?f=html")],
                    answer=answer, version=RULES_VERSION, links=links, themes=themes,
                    written=written)  # fmt: skip
