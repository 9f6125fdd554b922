"""The survey desk's page: its frame and what its scripts need to know; what happens on it they draw from the API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment

from gis_service.analysis.answer import Ramp
from gis_service.surveys.before_after import CLASSES
from layers.record import Source
from layers.registry import LAYERS
from maps.palette import colors
from maps.safe import embed_json
from maps.static_files import data_url, static_url

_LIBRARY, _MODULE = "leaflet/leaflet.js", "map/desk.js"
_STYLES = ("leaflet/leaflet.css", "map/desk.css")

UPLOAD_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
_SYSTEMS = (
    ("EPSG:4490", "CGCS2000 或 WGS 84 经纬度"), ("GCJ-02", "GCJ-02(高德、腾讯)"), ("BD-09", "BD-09(百度)"),
    ("EPSG:4549", "CGCS2000 三度带 120°(4549)"), ("EPSG:4528", "CGCS2000 三度带 40 带,带带号(4528)"),
    ("EPSG:4550", "CGCS2000 三度带 123°(4550)"), ("EPSG:3857", "Web 墨卡托(3857)"),
)  # fmt: skip
"""Systems that a sender who knows may state at once."""
_GROUND = ("community", "water", "green", "building", "road")
"""Layers drawn pale under what an upload changes, for people to know where they are; the first one is what is shown."""

# Autoescape is on: only what safe.embed_json made goes in as it is.
_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>上传台</title>
<link rel="icon" href="{{ icon }}">
{% for style in styles %}<link rel="stylesheet" href="{{ style }}">
{% endfor %}</head>
<body>
<header>
<nav class="desk-path" aria-label="位置"><a href="/">首页</a> ›
{% if opened %}<a href="/uploads">上传台</a> › 一次上传{% else %}上传台{% endif %}</nav>
<h1 id="desk-title" tabindex="-1">上传普查结果</h1>
</header>
<main>
<p id="desk-said" class="desk-unseen" role="status"></p>
<noscript><p>上传台要用浏览器的 JavaScript。请允许本页运行脚本后刷新,或用命令 gis-service upload。</p></noscript>
{% if not areas %}
<p class="desk-empty">还没有登记社区。请先用命令 gis-service area create 登记社区和它的边界,再来上传。</p>
{% else %}
<form id="desk-form" class="desk-form"{% if opened %} hidden{% endif %}>
<label id="desk-drop" class="desk-drop" for="desk-file">
<strong>把文件拖到这里,或点一下选择</strong>
<span>{{ formats }}</span>
<input id="desk-file" name="file" type="file" multiple>
</label>
<div class="desk-wishes">
{% if areas|length > 1 %}<label>社区<select name="community">
{% for code, name in areas %}
<option value="{{ code }}"{% if code == community %} selected{% endif %}>{{ name }}</option>
{% endfor %}</select></label>
{% endif %}
<label>图层<select name="layer" id="desk-layer"><option value="">看文件</option>
{% for layer in layers %}<option value="{{ layer.name }}">{{ layer.title }}</option>
{% endfor %}</select></label>
<label>方式<select name="mode" id="desk-mode"><option value="upsert">更新:有的改,没有的加</option>
<option value="append">追加:只加新的</option>
<option value="replace">替换一个网格:文件里没有的删去</option></select></label>
<label id="desk-grid" hidden>网格代码
<input name="grid" inputmode="numeric" maxlength="15" placeholder="15 位代码" list="desk-grids">
<datalist id="desk-grids"></datalist></label>
<label>坐标系<select name="crs"><option value="">看文件,看不准再问</option>
{% for code, title in systems %}<option value="{{ code }}">{{ title }}</option>
{% endfor %}</select></label>
<label>数据来源<select name="source">
{% for source in sources %}<option value="{{ source.value }}">{{ source.label }}</option>
{% endfor %}</select></label>
</div>
<p class="desk-hint">没有现成的表格?<a id="desk-blank" href="/collections?f=html">下载空白表格</a>
填好再传,列名和选项都对得上。</p>
</form>
{% endif %}
<section id="desk-one" aria-labelledby="desk-title" hidden></section>
<section id="desk-list" class="desk-list" aria-labelledby="desk-listed"{% if opened %} hidden{% endif %}>
<h2 id="desk-listed">上传记录</h2>
{% if listed %}<div class="desk-scroll" tabindex="0" role="region" aria-labelledby="desk-listed"><table><thead>
<tr><th>时间(北京)</th><th>文件</th><th>图层</th><th>状态</th><th>结果(行)</th><th>谁</th></tr></thead><tbody>
{% for one in listed %}<tr><td data-label="时间(北京)">{{ one.at }}</td>
<td data-label="文件"><a href="/uploads/{{ one.id }}">{{ one.file }}</a></td><td data-label="图层">{{ one.layer }}</td>
<td data-label="状态"><span class="desk-state desk-{{ one.state }}">{{ one.said }}</span></td>
<td data-label="结果(行)">{{ one.counts }}</td><td data-label="谁">{{ one.actor }}</td></tr>
{% endfor %}</tbody></table></div>
{% else %}<p class="desk-empty">还没有上传过文件。传上来的每份文件都列在这里,可以随时打开、入库或撤回。</p>{% endif %}
</section>
</main>
<script type="application/json" id="desk-config">{{ config|safe }}</script>
<script src="{{ library }}"></script>
<script type="module" src="{{ module }}"></script>
</body>
</html>
"""
)

STATES = {
    "processing": "正在读取", "needs_answer": "待回答", "proposed": "待入库", "committed": "已入库",
    "reverted": "已撤回", "refused": "不能使用",
}  # fmt: skip
COUNTED = {
    "added": "新增", "changed": "变更", "moved": "移位", "removed": "删除", "unchanged": "未变", "refused": "拒收",
    "unplaced": "待落图", "conflict": "冲突",
}  # fmt: skip

_MODES = {"upsert": "更新", "append": "追加", "replace": "替换网格"}


def desk_page(
    areas: Sequence[tuple[str, str]],
    community: str | None,
    uploads: Sequence[Mapping[str, Any]],
    formats: str,
    opened: str | None = None,
) -> str:
    """Return the page.

    Parameters
    ----------
    areas
        Codes and names of the communities.
    uploads
        What was uploaded, with ``at`` as Beijing time; the latest first.
    formats
        A sentence on the files that are taken.
    opened
        The identifier of the upload that the page shows.
    """
    config = {
        "upload": opened,
        "areas": [code for code, _ in areas],
        "ground": list(_GROUND),
        "states": STATES,
        "counted": COUNTED,
        "modes": _MODES,
        "sources": {source.value: source.label for source in Source},
        "colors": dict(zip([one.key for one in CLASSES], colors(Ramp.CATEGORY, len(CLASSES)), strict=True)),
        "layers": {
            layer.name: {
                "title": layer.title, "geometry": layer.geometry,
                "fields": {field.name: {"title": field.title, "codes": field.codes, "unit": field.unit}
                           for field in layer.fields},
            }
            for layer in LAYERS.values()
        },
    }  # fmt: skip
    return _PAGE.render(
        icon=data_url("map/icon.svg"), library=static_url(_LIBRARY), module=static_url(_MODULE),
        styles=[static_url(name) for name in _STYLES], areas=areas, community=community, layers=LAYERS.values(),
        systems=_SYSTEMS,
        sources=[one for one in Source if one is not Source.SYNTHETIC], opened=opened, formats=formats,
        listed=[_listed(one) for one in uploads], config=embed_json(json.dumps(config, ensure_ascii=False)),
    )  # fmt: skip


def _listed(one: Mapping[str, Any]) -> dict[str, str]:
    counts = one["counts"]
    said = "、".join(f"{title} {counts[step]:,}" for step, title in COUNTED.items() if counts.get(step))
    layer = LAYERS.get(one["layer"] or "")
    return {
        "id": one["id"], "at": one["at"], "layer": layer.title if layer else "未定", "state": one["state"],
        "said": STATES[one["state"]], "counts": said or "—", "actor": one["actor"],
        "file": f"撤回:{one['file_name']}" if one["reverts"] else one["file_name"],
    }  # fmt: skip
