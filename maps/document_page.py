"""A JSON document as a plain page for people: everything it says, and every link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maps.plain_page import ENVIRONMENT, rendered

# Names of members as a clerk reads them; what isn't here is shown as it is written.
_LABELS = {
    "$id": "地址", "$schema": "写法依据", "attribution": "出处", "bbox": "西南、东北角", "boundingBox": "范围",
    "cellSize": "像元大小(米)", "centerPoint": "中心", "collections": "图层", "conformsTo": "符合的规范",
    "cornerOfOrigin": "原点角", "crs": "坐标系", "dataType": "数据类型", "default": "默认值",
    "description": "说明", "enum": "代码", "extent": "范围", "format": "格式",
    "additionalProperties": "可有其他属性", "id": "名称", "itemType": "内容", "layers": "图层", "links": "链接",
    "lowerLeft": "西南角", "matrixHeight": "行数", "matrixWidth": "列数", "maxLength": "最长",
    "maximum": "最大", "mediaTypes": "媒体类型", "minLength": "最短", "minimum": "最小", "oneOf": "代码表",
    "orderedAxes": "坐标轴", "items": "每一项", "readOnly": "只读", "pattern": "写法", "pointOfOrigin": "原点",
    "properties": "属性", "required": "必填", "scaleDenominator": "比例尺分母", "spatial": "空间",
    "storageCrs": "存储坐标系", "tileHeight": "瓦片高", "tileMatrices": "级别", "tileMatrixSetURI": "瓦片方案",
    "tileMatrixSets": "瓦片方案", "tileWidth": "瓦片宽", "tilesets": "瓦片集", "title": "标题", "type": "类型",
    "upperRight": "东北角", "x-ogc-role": "作用", "x-ogc-unit": "单位",
}  # fmt: skip

_KINDS = {
    "string": "文字", "integer": "整数", "number": "数字", "boolean": "是否", "array": "列表", "object": "对象",
    "feature": "要素", "vector": "矢量", "primary-geometry": "主几何", "id": "标识",
}  # fmt: skip

_PAGE = """{% extends "plain" %}{% block body %}
{% macro value(node, labels) -%}
{% if node is mapping %}<table><tbody>
{% for name, one in node.items() %}<tr><th>{{ labels.get(name, name) }}</th><td>
{%- if name == "links" %}{{ anchors(one) }}
{%- elif name in ("type", "x-ogc-role", "itemType", "dataType") and one is string %}{{ kinds.get(one, one) }}
{%- else %}{{ value(one, {} if name == "properties" else all_labels) }}{% endif %}</td></tr>
{% endfor %}</tbody></table>
{% elif node is string and node.startswith(("http://", "https://")) %}<a href="{{ node }}">{{ node }}</a>
{% elif node is boolean %}{{ "是" if node else "否" }}
{% elif node is string or node is number %}{{ node }}
{% elif node is none %}
{% elif node is iterable and node and node[0] is mapping and "const" in node[0] %}
{%- for one in node %}{{ one.const }} {{ one.title }}<br>{% endfor %}
{% elif node is iterable %}{% for one in node %}{{ value(one, all_labels) }} {% endfor %}
{%- endif %}
{%- endmacro -%}
{% macro anchors(links) %}<ul>
{% for one in links %}<li><a href="{{ one.href }}" rel="{{ one.rel }}" type="{{ one.type }}">{{ one.title }}</a></li>
{% endfor %}</ul>{% endmacro %}
{{ value(document, all_labels) }}
{% endblock %}"""


def document_page(title: str, document: Mapping[str, Any], base: str) -> str:
    """Return the page of a JSON document: a table of its members, lists and objects within it too.

    ``base`` is the address of the service, for the way back.
    """
    trail = [("首页", f"{base}/"), ("图层", f"{base}/collections?f=html")]
    return rendered(_PAGE, title, trail=trail, document=document, all_labels=_LABELS, kinds=_KINDS)


def with_ways(page: str, ways: Sequence[tuple[str, str]], viewing: str | None, partial: str) -> str:
    """Return the page of a map with the ways to other pages at its foot, and through whose eyes it is seen.

    ``partial`` says that its numbers are not the community's; empty where they are.
    """
    return page.replace("</body>", _WAYS.render(ways=ways, viewing=viewing, partial=partial) + "</body>", 1)


def with_links(page: str, heading: str, links: list[dict[str, Any]]) -> str:
    """Return a page with a list of links at its end, for those who read it and don't see it: readers and programs."""
    return page.replace("</body>", _LINKS.render(heading=heading, links=links) + "</body>", 1)


_WAYS = ENVIRONMENT.from_string(
    """<nav aria-label="别的页面" class="gis-ways">
{% for name, address in ways %}<a href="{{ address }}">{{ name }}</a>
{% endfor %}</nav>
{% if partial %}<p class="gis-partial">{{ partial }}</p>
{% endif %}{% if viewing %}<p class="gis-viewing" role="status">正以 {{ viewing }} 的身份查看,不能修改
<a href="/account">结束</a></p>
{% endif %}"""
)
_LINKS = ENVIRONMENT.from_string(
    """<nav aria-label="{{ heading }}"
 style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)">
{% for one in links %}<a href="{{ one.href }}" rel="{{ one.rel }}" type="{{ one.type }}">{{ one.title }}</a>
{% endfor %}</nav>
"""
)
