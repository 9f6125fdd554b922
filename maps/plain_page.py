"""What plain pages without a map share: the frame of the document, and how it looks."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import DictLoader, Environment, Template

from maps.static_files import data_url

_STYLE = """\
body { font: 16px/1.7 "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #24323d; background: #f4f5f2;
  max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
a { color: #1c5d8c; } nav { font-size: .95em; } .quiet { color: #5a6872; font-size: .92em; }
pre { background: #fff; border: 1px solid #d8dcd6; border-radius: 6px; padding: .8rem 1rem; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; background: #fff; }
td, th { border: 1px solid #d8dcd6; padding: .4rem .6rem; text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .92em; }
ul { margin: 0; padding-left: 1.2rem; } th { white-space: nowrap; font-weight: 600; }
.layers a { display: inline-block; margin-right: .8em; } .layers td:first-child { width: 9em; }
form { margin: 0; } form.inline { display: inline; }
label { display: block; margin: .7rem 0 .2rem; } label.box { display: inline-block; margin: .2rem 1rem .2rem 0; }
input:not([type=checkbox]), select { font: inherit; padding: .45rem .6rem; border: 1px solid #aab4ad;
  border-radius: 6px; width: 100%; max-width: 24rem; box-sizing: border-box; background: #fff; }
button { font: inherit; padding: .45rem 1.1rem; min-height: 2.6rem; border: 1px solid #1c5d8c; border-radius: 6px;
  background: #1c5d8c; color: #fff; cursor: pointer; white-space: nowrap; } form p { margin: .9rem 0; }
button.quiet { background: #fff; color: #1c5d8c; font-size: inherit; }
button:focus-visible, input:focus-visible, select:focus-visible, a:focus-visible { outline: 3px solid #e0a13c; }
.said { background: #fff4e0; border: 1px solid #e0b565; border-radius: 6px; padding: .6rem 1rem; }
.demo { display: flex; flex-wrap: wrap; gap: .6rem; margin: .8rem 0; }
@media (max-width: 40rem) {
  body { padding: 1.25rem .8rem; }
  thead { display: none; }
  tr, td, th { display: block; width: auto !important; border: 0; }
  tr { border: 1px solid #d8dcd6; border-width: 1px 1px 0; } tr:last-child { border-bottom-width: 1px; }
  td td, td th { padding: .2rem 0 .2rem .6rem; } th + td { padding-top: 0; } th { padding-bottom: 0; }
}"""

_FRAME = """<!DOCTYPE html>
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
{% if trail %}<nav aria-label="位置">
{% for name, address in trail %}<a href="{{ address }}">{{ name }}</a> › {% endfor %}{{ title }}</nav>
{% endif %}<h1>{{ title }}</h1>
{% block body %}{% endblock %}</body>
</html>
"""

ENVIRONMENT = Environment(autoescape=True, loader=DictLoader({"plain": _FRAME}))
"""Makes templates that fill the block ``body`` of ``plain``; whatever they show is escaped."""


@cache
def _template(body: str) -> Template:
    return ENVIRONMENT.from_string(body)


def rendered(body: str, title: str, **shown: Any) -> str:
    """Return a page of a template text that extends ``plain``; ``trail`` leads to it as (name, address)."""
    return _template(body).render(title=title, icon=data_url("map/icon.svg"), style=_STYLE, **shown)
