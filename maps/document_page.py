"""A JSON document as a plain page for people: everything it says, and every link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

from maps.notice import STYLE
from maps.static_files import data_url

# Names of members as a clerk reads them; what isn't here is shown as it is written.
_LABELS = {
    "attribution": "出处", "boundingBox": "范围", "cellSize": "像元大小(米)", "centerPoint": "中心",
    "collections": "图层", "conformsTo": "符合的规范", "cornerOfOrigin": "原点角", "crs": "坐标系",
    "dataType": "数据类型", "default": "默认值", "description": "说明", "enum": "代码", "extent": "范围",
    "format": "格式", "id": "名称", "itemType": "内容", "layers": "图层", "links": "链接",
    "lowerLeft": "西南角", "matrixHeight": "行数", "matrixWidth": "列数", "maxLength": "最长",
    "maximum": "最大", "mediaTypes": "媒体类型", "minLength": "最短", "minimum": "最小", "oneOf": "代码表",
    "orderedAxes": "坐标轴", "pattern": "写法", "pointOfOrigin": "原点", "properties": "属性",
    "required": "必填", "scaleDenominator": "比例尺分母", "spatial": "空间", "storageCrs": "存储坐标系",
    "tileHeight": "瓦片高", "tileMatrices": "级别", "tileMatrixSetURI": "瓦片方案",
    "tileMatrixSets": "瓦片方案", "tileWidth": "瓦片宽", "tilesets": "瓦片集", "title": "标题", "type": "类型",
    "upperRight": "东北角", "x-ogc-role": "作用", "x-ogc-unit": "单位",
}  # fmt: skip

_PAGE = Environment(autoescape=True).from_string(
    """{% macro value(node) -%}
{% if node is mapping %}<table><tbody>
{% for name, one in node.items() %}<tr><th>{{ labels.get(name, name) }}</th><td>
{%- if name == "links" %}{{ anchors(one) }}{% else %}{{ value(one) }}{% endif %}</td></tr>
{% endfor %}</tbody></table>
{% elif node is string and node.startswith(("http://", "https://")) %}<a href="{{ node }}">{{ node }}</a>
{% elif node is string or node is number or node is boolean or node is none %}{{ words.get(node, node) }}
{% elif node is iterable and node and node[0] is mapping and "const" in node[0] %}
{%- for one in node %}{{ one.const }} {{ one.title }}<br>{% endfor %}
{% elif node is iterable %}{% for one in node %}{{ value(one) }} {% endfor %}
{%- endif %}
{%- endmacro -%}
{% macro anchors(links) %}<ul>
{% for one in links %}<li><a href="{{ one.href }}" rel="{{ one.rel }}" type="{{ one.type }}">{{ one.title }}</a></li>
{% endfor %}</ul>{% endmacro -%}
<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<link rel="icon" href="{{ icon }}">
<style>
{{ style|safe }}
</style>
</head>
<body>
<h1>{{ title }}</h1>
{{ value(document) }}
</body>
</html>
"""
)


def document_page(title: str, document: Mapping[str, Any]) -> str:
    """Return the page of a JSON document: a table of its members, lists and objects within it too."""
    return _PAGE.render(
        title=title, icon=data_url("map/icon.svg"), style=STYLE, document=document, labels=_LABELS,
        words={True: "是", False: "否", None: ""},
    )  # fmt: skip


def with_links(page: str, heading: str, links: list[dict[str, Any]]) -> str:
    """Return a page with a list of links at its end, for those who read it and don't see it: readers and programs."""
    return page.replace("</body>", _LINKS.render(heading=heading, links=links) + "</body>", 1)


_LINKS = Environment(autoescape=True).from_string(
    """<nav aria-label="{{ heading }}"
 style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)">
{% for one in links %}<a href="{{ one.href }}" rel="{{ one.rel }}" type="{{ one.type }}">{{ one.title }}</a>
{% endfor %}</nav>
"""
)
