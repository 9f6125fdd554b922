"""Plain pages without a map: nothing imported yet, and the list of what the interface offers."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment

from maps.static_files import data_url

STYLE = """\
body { font: 16px/1.7 "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #24323d; background: #f4f5f2;
  max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
pre { background: #fff; border: 1px solid #d8dcd6; border-radius: 6px; padding: .8rem 1rem; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; background: #fff; }
td, th { border: 1px solid #d8dcd6; padding: .4rem .6rem; text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .92em; }
ul { margin: 0; padding-left: 1.2rem; } th { white-space: nowrap; font-weight: 600; }"""
"""How plain pages look."""

_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
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
{% for line in lines %}<p>{{ line }}</p>
{% endfor %}{% for command in commands %}<pre>{{ command }}</pre>
{% endfor %}{% for heading, rows in tables %}<h2>{{ heading }}</h2>
<table><tbody>
{% for first, second in rows %}<tr><td><code>{{ first }}</code></td><td>{{ second }}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}</body>
</html>
"""
)


def empty_page() -> str:
    """Return the home page of a service that holds no community yet: how to begin."""
    return _PAGE.render(
        title="还没有社区",
        icon=data_url("map/icon.svg"),
        style=STYLE,
        lines=[
            "本服务已经就绪,但还没有登记社区。先登记社区和它的边界,再导入各图层的普查文件;或者装入合成的示例社区看一看。"
        ],
        commands=[
            ".venv/bin/gis-service area create --code 330482002011 --name 新群社区 --boundary 边界.geojson",
            ".venv/bin/gis-service upload 楼栋.zip --layer building --community 330482002011",
            ".venv/bin/gis-service sample load",
        ],
    )


def list_page(title: str, lines: Sequence[str], tables: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Return a plain page of headed tables with two columns: a name and what it means."""
    return _PAGE.render(title=title, icon=data_url("map/icon.svg"), style=STYLE, lines=lines, tables=tables)
