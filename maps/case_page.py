"""The page of the desk of cases: its frame and what its modules need to know; the rest they ask of the service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment

from layers.catalog.hazard import Department, HazardLevel, HazardStatus
from layers.flows import GRAVE, OVER, Office
from layers.registry import LAYERS
from maps.safe import embed_json
from maps.static_files import data_url, static_url

_LIBRARY, _MODULE = "leaflet/leaflet.js", "cases/desk.js"
_STYLES = ("leaflet/leaflet.css", "cases/desk.css")
CASE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
VIEWS: Final = {"cases": "案件", "figures": "办理指标", "conflicts": "改动冲突", "coverage": "走访进度"}
"""What the page has to show: its title by the word in its address."""
_KINDS: Final = {
    "all": "全部", "open": "未办结", "overdue": "超期", "soon": "临期", "grave": "重大及疑似", "unassigned": "未指派",
    "closed": "已办结",
}  # fmt: skip
_GROUND: Final = ("community", "water", "green", "building", "road", "grid")
_ENTERPRISE: Final = LAYERS["enterprise"]

# Autoescape is on: only what safe.embed_json made goes in as it is.
_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<title>案件台</title>
<link rel="icon" href="{{ icon }}">
{% for style in styles %}<link rel="stylesheet" href="{{ style }}">
{% endfor %}</head>
<body>
<a class="desk-skip" href="#desk-list">跳到案件清单</a>
<header class="desk-top">
<nav class="desk-path" aria-label="位置"><a href="/">首页</a> ›</nav>
<h1>案件台</h1>
{% if areas|length > 1 %}<label class="desk-area">社区<select id="desk-community">
{% for code, name in areas %}
<option value="{{ code }}"{% if code == community %} selected{% endif %}>{{ name }}</option>
{% endfor %}</select></label>
{% else %}<span class="desk-area">{{ areas[0][1] }}</span>
{% endif %}<nav id="desk-views" class="desk-views" aria-label="页面">{% for name, title in views -%}
<a href="/desk?view={{ name }}" data-view="{{ name }}">{{ title }}</a>{% endfor %}</nav>
<span id="desk-live" class="desk-live" title="别人改了案件,清单自己更新">正在连接</span>
<details class="desk-ways"><summary>其他页面</summary><nav aria-label="其他页面">
{% for name, address in ways %}<a href="{{ address }}">{{ name }}</a>
{% endfor %}</nav></details>
</header>
<p id="desk-said" class="desk-unseen" role="status"></p>
<div id="desk-error" role="alert"></div>
<noscript><p class="desk-empty">案件台要用浏览器的 JavaScript。请允许本页运行脚本后刷新。</p></noscript>
<main>
<section id="desk-cases" aria-label="案件" hidden>
<nav id="desk-kinds" class="desk-kinds" aria-label="案件分类"></nav>
<form id="desk-filter" class="desk-filter" role="search" aria-label="筛选案件">
<label class="desk-q"><span class="desk-unseen">找案件</span><input name="q" type="search" maxlength="80"
 autocomplete="off" placeholder="编码、描述、岗位、文号" aria-keyshortcuts="/"></label>
<details class="desk-more-filters"><summary id="desk-more-title">筛选</summary>
<div class="desk-fields">
{% for name, title, options in selects %}<label>{{ title }}<select name="{{ name }}"><option value="">不限</option>
{% for value, label in options %}<option value="{{ value }}">{{ label }}</option>
{% endfor %}</select></label>
{% endfor %}<label>岗位<input name="handler" maxlength="120"></label>
<label>发现自<input name="since" type="date" min="1900-01-01" max="2199-12-31"></label>
<label>到<input name="until" type="date" min="1900-01-01" max="2199-12-31"></label>
</div></details>
<button id="desk-clear" type="button" hidden>清除筛选</button>
</form>
<div id="desk-split" class="desk-split">
<div class="desk-left">
<div class="desk-bar"><span id="desk-count">正在读取……</span>
<span class="desk-keys">↑↓ 选行,回车打开{% if writes %},空格勾选,1—9 办理{% endif %},Esc 关闭,/ 查找</span></div>
<div id="desk-batch" class="desk-batch" role="region" aria-label="一起办" hidden></div>
<div class="desk-scroll"><table id="desk-list" class="desk-list" role="grid" aria-label="案件清单" tabindex="-1"
{%- if writes %} aria-multiselectable="true"{% endif %}>
<thead><tr>{% if writes %}<th scope="col" class="desk-pick"><input type="checkbox" aria-label="全选"></th>{% endif %}
<th scope="col">案件</th><th scope="col">地点</th><th scope="col">状态</th><th scope="col">时限</th>
<th scope="col">岗位</th></tr></thead><tbody></tbody></table>
<p id="desk-none" class="desk-empty" hidden></p>
<button id="desk-more" class="desk-more" type="button" hidden>再列</button></div>
</div>
<div class="desk-right">
<div id="desk-map" class="desk-map" role="region" aria-label="地图"></div>
<section id="desk-one" class="desk-one" aria-labelledby="desk-one-title" hidden></section>
</div>
</div>
</section>
{% for name, title in views if name != "cases" %}
<section id="desk-{{ name }}" class="desk-page" aria-label="{{ title }}" hidden>
<p class="desk-loading">正在读取……</p></section>
{% endfor %}</main>
<script type="application/json" id="desk-config">{{ config|safe }}</script>
<script src="{{ library }}"></script>
<script type="module" src="{{ module }}"></script>
</body>
</html>
"""
)


@dataclass(frozen=True)
class Opened:
    """For whom the page is made.

    Attributes
    ----------
    community
        Code of the community that it shows.
    areas
        Codes and names of all that may be shown.
    offices
        In which capacities whoever looks makes steps there; none where they only look.
    """

    community: str
    areas: tuple[tuple[str, str], ...]
    offices: tuple[Office, ...]


def case_page(opened: Opened, ways: Sequence[tuple[str, str]]) -> str:
    """Return the page; ``ways`` are names and addresses of other pages."""
    config = {
        "community": opened.community, "offices": opened.offices, "kinds": _KINDS, "over": OVER, "grave": GRAVE,
        "departments": {one: one.label for one in Department}, "levels": {one: one.label for one in HazardLevel},
        "ground": _GROUND,
        "enterprise": {
            "titles": {field.name: field.title for field in _ENTERPRISE.fields},
            **{name: _ENTERPRISE.field(name).codes for name in ("status", "licence_status")},
        },
    }  # fmt: skip
    selects = [
        ("status", "状态", [(one, one.label) for one in HazardStatus]),
        ("level", "等级", [(one, one.label) for one in HazardLevel]),
        ("event", "事件", []), ("grid", "网格", []),
        ("department", "移交部门", [(one, one.label) for one in Department]),
    ]  # fmt: skip
    return _PAGE.render(
        icon=data_url("map/icon.svg"), styles=[static_url(name) for name in _STYLES], library=static_url(_LIBRARY),
        module=static_url(_MODULE), areas=opened.areas, community=opened.community, views=VIEWS.items(), ways=ways,
        selects=selects, writes=bool(opened.offices), config=embed_json(json.dumps(config, ensure_ascii=False)),
    )  # fmt: skip
