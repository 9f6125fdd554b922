"""The versions of a feature as a page: who, when, from which file, and every changed value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gis_service.features.question import SHANGHAI
from gis_service.features.versions import Version
from layers.layer import Layer
from maps.plain_page import rendered

_OPERATIONS = {"insert": "新增", "update": "修改", "delete": "删除"}

_PAGE = """{% extends "plain" %}{% block body %}
<p class="quiet">最近的在前。时间为北京时间;个人信息列没有历史。</p>
{% for one in versions %}<h2>{{ one.when }} · {{ one.what }}</h2>
<table><tbody>
<tr><th scope="row">谁</th><td>{{ one.actor }}</td></tr>
<tr><th scope="row">来自</th><td>{% if one.upload %}
{% if one.upload.reverts %}撤回上传 {{ one.upload.reverts }}:{% endif %}{{ one.upload.file_name }}<br>
<span class="quiet">上传编号 {{ one.upload.id }} · {{ one.upload.crs }}
{% if one.upload.encoding %} · {{ one.upload.encoding }}{% endif %} · SHA-256 {{ one.upload.sha256 }}</span>
{% else %}直接编辑{% endif %}</td></tr>
{% for title, before, after in one.changes %}<tr><th scope="row">{{ title }}</th>
<td>{% if before %}{{ before }} → {% endif %}{{ after }}</td></tr>
{% else %}{% if one.updated %}
<tr><th scope="row">改动</th><td>没有改变任何值</td></tr>{% endif %}
{% endfor %}</tbody></table>
{% endfor %}{% endblock %}"""


def versions_page(layer: Layer, title: str, versions: Sequence[Version], trail: Sequence[tuple[str, str]]) -> str:
    """Return the page; ``trail`` leads to it as (name, address)."""
    shown = [
        {
            "when": one.recorded_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "what": f"第 {one.version} 版,{_OPERATIONS[one.operation]}",
            "updated": one.operation == "update", "actor": one.actor, "upload": one.upload,
            "changes": [_change(layer, one, name) for name in one.changes],
        }
        for one in versions
    ]  # fmt: skip
    return rendered(_PAGE, title, trail=trail, versions=shown)


def _change(layer: Layer, version: Version, name: str) -> tuple[str, str, str]:
    if name == "geom":
        return "位置", "", f"移动 {version.moved_m:,.2f} m" if version.moved_m else "形状有变"
    before, after = (_shown(layer, name, value) for value in version.changes[name])
    return "网格" if name == "grid" else layer.field(name).title, before, after


def _shown(layer: Layer, name: str, value: Any) -> str:
    if value is None:
        return "空"
    plain = value.isoformat() if hasattr(value, "isoformat") else value
    return str(plain) if name == "grid" else layer.field(name).show(plain) or "空"
