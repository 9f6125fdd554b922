"""Plain pages without a map: nothing imported yet, a refusal, and the list of what the interface offers."""

from __future__ import annotations

from collections.abc import Sequence

from maps.plain_page import rendered

_PAGE = """{% extends "plain" %}{% block body %}
{% for line in lines %}<p>{{ line }}</p>
{% endfor %}{% for command in commands %}<pre>{{ command }}</pre>
{% endfor %}{% for heading, rows in tables %}<h2>{{ heading }}</h2>
<table><tbody>
{% for first, second in rows %}<tr><td><code>{{ first }}</code></td><td>{{ second }}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}{% for name, address in links %}<p><a href="{{ address }}">{{ name }}</a></p>
{% endfor %}{% endblock %}"""


def empty_page() -> str:
    """Return the home page of a service that holds no community yet: how to begin."""
    return rendered(
        _PAGE,
        "还没有社区",
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
    return rendered(_PAGE, title, lines=lines, tables=tables)


def refusal_page(title: str, sentence: str, base: str, back: str | None = None) -> str:
    """Return the page of an error: what is wrong and how to mend it, and the ways back and home to ``base``."""
    ways = [*([("返回上一页", back)] if back else []), ("回首页", f"{base}/"), ("我的账户", f"{base}/account")]
    return rendered(_PAGE, title, lines=[sentence], links=ways)
