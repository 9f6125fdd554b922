"""The field page of a grid worker: its frame, what its modules need to know, and how it works without a signal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment

from gis_service.cases.flow_document import flow_told
from layers.catalog.hazard import Department, HazardLevel
from layers.catalog.visit import CheckResult, VisitOutcome, VisitPurpose
from layers.flows import FLOWS, GRAVE, OVER
from layers.registry import LAYERS
from maps.safe import embed_json
from maps.static_files import STATIC_URL, data_url, static_file

FIELD_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " connect-src 'self' data:; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'self'"
)
_MODULE, _WORKER = "field/field.js", "field/worker.js"
_SHARED: Final = ("elements", "requests", "words", "step_form", "flow")
_ICONS: Final = ("field/icon-192.png", "field/icon-512.png")

_LAYERS: Final = {
    "community": "code,name", "grid": "code,name", "estate": "code,name", "building": "code,name,address",
    "road": "code", "water": "code", "green": "code", "enterprise_plot": "code,name",
    "rental_unit": "code,address,room,building_code,rent_status,tenant_count,registered_count,registration_status,"
                   "tenant_count_as_of,version",
    "enterprise": "code,name,address,status,licence_status,employees,version", "waste_point": "code,name,kind,version",
    "parking": "code,name,version", "facility": "code,name,kind,version",
    "hazard": "code,event_code,level,flow,status,detail,due_on,found_on,handler,transferred_to,rental_code,"
              "enterprise_code,building_code,version",
}  # fmt: skip
"""Layers that a phone keeps, and which of their fields: what a worker needs on the street, and no more."""
_COMMON: Final = (
    "X-FS01", "X-FS03", "X-FS02", "05-05", "05-06", "05-07", "X-UT01", "X-RH01", "01-02", "05-04", "X-EN01", "X-IN04",
)  # fmt: skip
"""Events with a tile of their own: those that the community's report names."""
_NOT_LET: Final = ("enterprise", "building", "enterprise_plot", "waste_point", "parking", "facility")
_VISITS: Final = (
    (VisitOutcome.DONE, CheckResult.CONSISTENT, "完成,信息一致", ("rental_unit",)),
    (VisitOutcome.DONE, None, "完成", _NOT_LET),
    (VisitOutcome.NOBODY, None, "无人", None),
    (VisitOutcome.REFUSED, None, "拒访", None),
    (VisitOutcome.EVASIVE, None, "“我不是老板”、负责人不在", _NOT_LET),
    (VisitOutcome.EVASIVE, None, "“我不是房东”、推诿", ("rental_unit",)),
    (VisitOutcome.JOINT_NEEDED, None, "需联合执法", None),
    (VisitOutcome.DONE, CheckResult.MOVED_OUT, "已搬离", ("rental_unit",)),
    (VisitOutcome.DONE, CheckResult.NEW_UNREGISTERED, "新增未登记", ("rental_unit",)),
    (VisitOutcome.DONE, CheckResult.VACANT, "空置", ("rental_unit",)),
)
_COUNTED: Final = {
    "rental_unit": (("tenant_count", False), ("registered_count", False)),
    "waste_point": (("checked_count", True), ("correct_count", True)), "parking": (("counted", True),),
}  # fmt: skip
"""What is counted of what is visited: a field of it, or (true) of the visit itself."""
_PURPOSES: Final = {"waste_point": VisitPurpose.WASTE_CHECK, "parking": VisitPurpose.PARKING_COUNT}

# Autoescape is on: only what safe.embed_json made goes in as it is.
_PAGE = Environment(autoescape=True).from_string(
    """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="theme-color" content="#123f5c">
<meta name="referrer" content="same-origin">
<title>网格员</title>
<link rel="icon" href="{{ icon }}">
<link rel="apple-touch-icon" href="{{ touch_icon }}">
<link rel="manifest" href="/field.webmanifest">
{% for style in styles %}<link rel="stylesheet" href="{{ style }}">
{% endfor %}</head>
<body>
<header class="field-top">
<h1>网格员</h1><span id="field-who">{{ title }}</span>
<span id="field-net" class="field-wait" role="status">正在打开</span>
</header>
<div id="field-trouble" role="status"></div>
<noscript><p class="field-doubt">这一页要用浏览器的 JavaScript。请允许本页运行脚本后刷新。</p></noscript>
<main>
<section id="field-map" class="field-map" aria-label="地图"></section>
<div id="field-map-tools" class="field-tools">
<button id="field-locate" type="button">我的位置</button>
<button id="field-calibrate" type="button" title="站在认得的地方,在地图上点出自己真正的位置">校准定位</button>
</div>
<section id="field-today" class="field-page" aria-label="今日走访" hidden></section>
<section id="field-near" class="field-page" aria-label="附近" hidden></section>
<section id="field-queue" class="field-page" aria-label="待传" hidden></section>
</main>
<p id="field-said" class="field-toast" role="status" hidden></p>
<button id="field-report" class="field-report" type="button">报隐患</button>
<nav class="field-tabs" aria-label="页面">
<button id="tab-today" type="button">今日</button>
<button id="tab-map" type="button" aria-current="page">地图</button>
<button id="tab-near" type="button">附近</button>
<button id="tab-queue" type="button">待传<b id="tab-queue-count"></b></button>
</nav>
<script type="application/json" id="field-config">{{ config|safe }}</script>
<script src="{{ library }}"></script>
<script type="module" src="{{ module }}"></script>
</body>
</html>
"""
)


def field_page(account: str, title: str) -> str:
    """Return the page for an account; it holds declarations and whose it is, no data."""
    return _PAGE.render(
        icon=data_url("map/icon.svg"), touch_icon=STATIC_URL + _ICONS[0], title=title,
        styles=[STATIC_URL + name for name in ("leaflet/leaflet.css", "field/field.css")],
        library=STATIC_URL + "leaflet/leaflet.js", module=STATIC_URL + _MODULE,
        config=embed_json(json.dumps({**_config(), "account": account}, ensure_ascii=False)),
    )  # fmt: skip


@cache
def _config() -> dict[str, Any]:
    events = LAYERS["hazard"].field("event_code").codes or {}
    return {
        "layers": _LAYERS, "events": events, "common": [code for code in _COMMON if code in events],
        "titles": {layer.name: layer.title for layer in LAYERS.values()},
        "flows": [flow_told(flow) for flow in FLOWS], "grave": list(GRAVE), "over": list(OVER),
        "levels": [[one, one.label] for one in HazardLevel if one is not HazardLevel.SUSPECTED],
        "departments": {one: one.label for one in Department},
        "visits": [
            {"outcome": outcome, "check": check, "title": title, "layers": layers}
            for outcome, check, title, layers in _VISITS
        ],
        "purposes": _PURPOSES,
        "counted": {layer: [_counted(layer, *one) for one in fields] for layer, fields in _COUNTED.items()},
        "shown": {layer: list(_shown(layer)) for layer in ("rental_unit", "enterprise", "hazard", "waste_point",
                                                           "facility", "parking", "building", "enterprise_plot")},
    }  # fmt: skip


def _counted(layer: str, name: str, of_visit: bool) -> list[object]:
    found = LAYERS["visit" if of_visit else layer].field(name)
    return [name, found.title, found.unit, of_visit]


def _shown(layer: str) -> Iterator[list[object]]:
    """Yield the fields that a thing's sheet shows: name, title, codes and unit."""
    kept = _LAYERS[layer].split(",")
    for found in LAYERS[layer].fields:
        if found.name in kept and found.name not in {"code", "address"}:
            yield [found.name, found.title, found.codes, found.unit]


@cache
def field_files() -> tuple[str, ...]:
    """Return the names of the files that a phone needs to open the page without a signal."""
    folder = Path(__file__).parent / "assets" / "field"
    own = sorted(f"field/{path.name}" for path in folder.iterdir() if path.suffix in {".js", ".css"})
    shared = [f"cases/{name}.js" for name in _SHARED]
    return ("leaflet/leaflet.js", "leaflet/leaflet.css", *(n for n in own if n != _WORKER), *shared, *_ICONS)


def service_worker(page_version: str) -> str:
    """Return the script that keeps the page: its version changes with any file and with the page itself."""
    digest = hashlib.sha256(page_version.encode())
    for name in (*field_files(), _WORKER):
        digest.update(static_file(name).version.encode())
    digest.update(field_page("", "").encode())
    files = json.dumps([STATIC_URL + name for name in field_files()])
    worker = static_file(_WORKER).content.decode()
    return f'const VERSION = "{digest.hexdigest()[:16]}";\nconst FILES = {files};\n{worker}'


def manifest() -> dict[str, Any]:
    """Return what lets a phone install the page."""
    return {
        "name": "网格员 · 社区工作地图", "short_name": "网格员", "lang": "zh-CN", "start_url": "/field",
        "scope": "/field", "id": "/field", "display": "standalone", "orientation": "portrait",
        "background_color": "#123f5c", "theme_color": "#123f5c",
        "icons": [
            {"src": STATIC_URL + name, "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any maskable"}
            for name, size in zip(_ICONS, (192, 512), strict=True)
        ],
    }  # fmt: skip
