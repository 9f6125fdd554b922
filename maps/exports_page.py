"""Pages of exports: the form to ask for a sheet, what was made before, and one sheet with what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from gis_service.features.question import today
from gis_service.jobs import Job
from gis_service.sheets.records import EVERY_GRID, SheetRecord
from maps.account_page import said_at
from maps.atlas import MAPS
from maps.numbers import written
from maps.plain_page import rendered
from maps.sheets.paper import SCALES, SLIDES, UNDIVIDED, WORKBOOK, Orientation, Paper

_STATES = {"waiting": "等着出", "running": "正在出", "done": "出好了", "failed": "没有出成", "cancelled": "已取消",
           "removed": "文件不在这里"}  # fmt: skip
_ORIENTATIONS = {Orientation.LANDSCAPE: "横", Orientation.PORTRAIT: "竖"}
_UNDIVIDED = {WORKBOOK: "工作簿", SLIDES: "幻灯片"}
_FORMAT_TITLES = {"pdf": "PDF(矢量,可搜索文字)", "png": "PNG(300 dpi)", "svg": "SVG(矢量)",
                  "xlsx": "XLSX(数字和表格)", "pptx": "PPTX(幻灯片)"}  # fmt: skip


@dataclass(frozen=True)
class Changed:
    """A figure as a sheet shows it, and as it is today."""

    title: str
    unit: str
    then: float | None
    now: float | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @property
    def difference(self) -> str:
        """How much it changed, with its sign; "" when it didn't."""
        if self.then is None or self.now is None or self.then == self.now:
            return ""
        return written(self.now - self.then, signed=True)


_LIST = """{% extends "plain" %}{% block body %}
{% if not areas %}<p>还没有登记社区;请先用命令 gis-service area create 登记。</p>{% else %}
<form method="post" action="/exports">
{% if areas|length > 1 %}<label for="community">社区</label><select id="community" name="community">
{% for code, name in areas %}<option value="{{ code }}"{% if code == chosen %} selected{% endif %}>{{ name }}</option>
{% endfor %}</select>{% endif %}
<label for="name">地图</label><select id="name" name="name">
{% for group, entries in groups %}<optgroup label="{{ group }}">{% for one in entries %}
<option value="{{ one.name }}"{% if one.name == wanted %} selected{% endif %}>{{ one.title }}</option>{% endfor %}
</optgroup>{% endfor %}</select>
<label for="grid">范围</label><select id="grid" name="grid"><option value="">整个社区</option>
{% if grids %}<option value="all">图册:一个网格一张(PDF)</option>{% endif %}
{% for code, name in grids %}<option value="{{ code }}">{{ name }}({{ code[12:] }})</option>{% endfor %}</select>
<label for="paper">纸张</label><select id="paper" name="paper">
{% for one in papers %}<option{% if one == "A3" %} selected{% endif %}>{{ one }}</option>{% endfor %}</select>
<label for="orientation">方向</label><select id="orientation" name="orientation">
{% for value, title in orientations %}<option value="{{ value }}">{{ title }}</option>{% endfor %}</select>
<label for="format">文件</label><select id="format" name="format">
{% for value, title in formats %}<option value="{{ value }}">{{ title }}</option>{% endfor %}</select>
<label for="scale">比例尺</label><select id="scale" name="scale"><option value="">放得下的最大一档</option>
{% for one in scales %}<option value="{{ one }}">1:{{ "{:,}".format(one) }}</option>{% endfor %}</select>
<label for="as_of">按哪一天的记录(不写为现在;过去的图也能照当时重出)</label>
<input id="as_of" name="as_of" type="date" max="{{ yesterday }}">
<label for="author">制图单位(图上有合成数据时不印)</label><input id="author" name="author" maxlength="60">
<label for="review">审图号(对外的图)</label><input id="review" name="review" maxlength="60">
<p><button>出图</button></p></form>
<h2>出过的图</h2>
{% if rows %}<table><thead><tr><th>编号</th><th>图</th><th>什么时候</th><th>状态</th></tr></thead><tbody>
{% for one in rows %}<tr><td><a href="/exports/{{ one.code }}">{{ one.code }}
{%- if one.pictured %}<br><img src="/exports/{{ one.code }}/preview" alt="{{ one.title }}的小样" loading="lazy"
style="width:120px;border:1px solid #d8dcd6">{% endif %}</a></td>
<td>{{ one.title }}<br><span class="quiet">{{ one.how }}</span></td>
<td>{{ one.at }}<br><span class="quiet">{{ one.actor }}</span></td>
<td>{{ one.state }}{% if one.ready %} · <a href="/exports/{{ one.code }}/file">下载</a>{% endif %}</td></tr>
{% endfor %}</tbody></table>{% else %}<p>还没有出过图;选一张地图,点“出图”。</p>{% endif %}
{% endif %}{% endblock %}"""

_ONE = """{% extends "plain" %}{% block body %}
{% if state in ("waiting", "running") %}<p class="said" role="status">{{ states[state] }}
{%- if job and job.total %}:第 {{ job.done + 1 }} 步,共 {{ job.total }} 步{% endif %}。本页会自己刷新。</p>
{% elif state == "removed" %}<p class="said" role="status">文件不在这里:由命令写到了别处,或已删去、已过保留期。
编号和数字仍在;要用请重新出一张。</p>
{% elif state == "failed" %}<p class="said" role="status">没有出成:{{ job.problem if job else "请重新出一张" }}</p>
{% elif state == "done" %}<p><a href="/exports/{{ record.code }}/file">下载 {{ record.file_name }}</a>
<span class="quiet">{{ "{:,.0f}".format(record.bytes / 1000) }} KB</span></p>
{% if pictured %}<p><a href="/exports/{{ record.code }}/file">
<img src="/exports/{{ record.code }}/preview" alt="{{ record.title }}的小样"
style="max-width:480px;width:100%;border:1px solid #d8dcd6"></a></p>{% endif %}
{% endif %}
<table><tbody>
<tr><th scope="row">图</th><td>{{ record.title or called }}<br><span class="quiet">{{ record.finding }}</span></td></tr>
<tr><th scope="row">怎么出的</th><td>{{ how }}</td></tr>
<tr><th scope="row">谁、何时</th><td>{{ record.actor }},{{ at }};计算日 {{ record.order.day }}</td></tr>
<tr><th scope="row">范围</th><td>{{ record.areas|join("、") }}</td></tr>
{% if record.sha256 %}<tr><th scope="row">SHA-256</th><td><code>{{ record.sha256 }}</code></td></tr>{% endif %}
</tbody></table>
{% if state == "done" and uncompared %}<p class="quiet">{{ uncompared }}</p>
{% endif %}{% if changed %}<h2>出图以后</h2>
<p class="said">{{ since }}</p>
<p><iframe src="/maps/{{ record.order.name }}?community={{ record.community }}" title="现在的地图" loading="lazy"
style="width:100%;height:65vh;border:1px solid #d8dcd6"></iframe></p>
<table><tbody>
{% for one in changed %}<tr><th scope="row">{{ one.title }}</th><td>图上 {{ one.was }},今天 {{ one.is }}
{% if one.difference %}(<strong>{{ one.difference }}</strong>){% else %}(没有变){% endif %}</td></tr>
{% endfor %}</tbody></table>
<p><a href="/maps/{{ record.order.name }}?community={{ record.community }}">在整个窗口里看现在的地图</a></p>{% endif %}
{% if own %}<form method="post" action="/exports/{{ record.code }}/delete">
{% if record.made_at %}<p><button class="quiet">删去文件</button>
<span class="quiet">编号、摘要和数字会留着,印出去的图仍然查得到。</span></p>
{% else %}<p><button class="quiet">取消</button></p>{% endif %}</form>{% endif %}
{% endblock %}"""


def exports_page(
    listed: Sequence[tuple[SheetRecord, str]], areas: Sequence[tuple[str, str]], chosen: str | None,
    grids: Sequence[tuple[str, str]], wanted: str,
) -> str:  # fmt: skip
    """Return the page with the form, and what was made before.

    Parameters
    ----------
    listed
        Records with their states.
    areas, grids
        Codes and names: of communities, and of the grids of the one that is chosen.
    wanted
        Name of the map that is chosen in the form.
    """
    groups: dict[str, list[Any]] = {}
    for entry in MAPS.values():
        groups.setdefault(entry.group, []).append(entry)
    rows = [
        {
            "code": record.code, "title": record.title or MAPS[record.order.name].title, "how": _how(record),
            "at": said_at(record.created_at), "actor": record.actor, "state": _STATES[state], "ready": state == "done",
            "pictured": state == "done" and record.order.format != WORKBOOK,
        }
        for record, state in listed
    ]  # fmt: skip
    return rendered(
        _LIST, "出图", trail=[("首页", "/")], areas=areas, chosen=chosen, groups=list(groups.items()), wanted=wanted,
        grids=grids, papers=[str(one) for one in Paper], orientations=list(_ORIENTATIONS.items()),
        formats=list(_FORMAT_TITLES.items()), scales=SCALES, rows=rows,
        yesterday=today() - timedelta(days=1),
    )  # fmt: skip


def export_page(
    record: SheetRecord, state: str, job: Job | None, changed: Sequence[Changed], uncompared: str, *, own: bool
) -> str:
    """Return the page of one sheet.

    Parameters
    ----------
    uncompared
        Why the figures aren't compared with today's; "" where they are.
    own
        Whether they may delete it.
    """
    moved = [f"{one.title} {one.difference} {one.unit}".strip() for one in changed if one.difference]
    since = f"这张图以后:{'、'.join(moved)}。" if moved else "这张图以后,图上的数字没有变。"
    compared = [
        {"title": one.title, "was": _value(one.then, one.unit), "is": _value(one.now, one.unit),
         "difference": one.difference}
        for one in changed
    ]  # fmt: skip
    return rendered(
        _ONE, f"图 {record.code}", trail=[("首页", "/"), ("出图", "/exports")], record=record, state=state, job=job,
        states=_STATES, called=MAPS[record.order.name].title, how=_how(record), at=said_at(record.created_at),
        changed=compared, since=since, uncompared=uncompared, own=own, pictured=record.order.format != WORKBOOK,
    )  # fmt: skip


def _how(record: SheetRecord) -> str:
    order = record.order
    recorded = f" · 按 {order.as_of} 的记录" if order.as_of else ""
    if order.format in UNDIVIDED:
        return f"{_UNDIVIDED[order.format]}{recorded}"
    scale = f"1:{order.scale:,}" if order.scale else "比例尺自动"
    grid = "" if order.grid is None else " · 图册" if order.grid == EVERY_GRID else f" · 网格 {order.grid[12:]}"
    orientation = _ORIENTATIONS[Orientation(order.orientation)]
    return f"{order.paper} {orientation} · {order.format.upper()} · {scale}{grid}{recorded}"


def _value(value: float | None, unit: str) -> str:
    return "无数据" if value is None else f"{written(value)} {unit}".strip()
