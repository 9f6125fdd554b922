"""The page of the audit: who wrote what, and whose personal data was read and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gis_service.people.roles import OPERATOR, title_of
from layers.registry import LAYERS
from maps.account_page import said_at
from maps.plain_page import rendered

_OPERATIONS = {"insert": "新增", "update": "修改", "delete": "删除", "read": "查看", "erase": "抹去"}
_SUBJECTS = {
    "account": "账户", "account_area": "账户的范围", "credential": "登录或令牌", "area": "社区登记",
    "area_rule": "阈值", "reported_total": "上报总数", "upload": "入库", "proposal": "上传",
    "header_answer": "列名的回答", "proposal_row": "上传的行", "job": "后台的工作", "export": "导出的图",
    "login_attempt": "登录的尝试", "audit": "审计记录的说明", "erasure": "个人信息",
    "work_day": "工作日历",
}  # fmt: skip

_PAGE = """{% extends "plain" %}{% block body %}
<form method="get" action="/audit">
<label for="actor">谁(账户名)</label><input id="actor" name="actor" value="{{ asked.actor or '' }}">
<label for="since">自哪天起</label><input id="since" name="since" type="date" value="{{ asked.since or '' }}">
<label for="until">到哪天止(含)</label><input id="until" name="until" type="date" value="{{ asked.until or '' }}">
<p><button>筛选</button> <a href="{{ table }}">下载 CSV</a></p></form>
{% if rows %}<table><thead><tr><th>时间</th><th>谁</th><th>做了什么</th><th>说明</th></tr></thead><tbody>
{% for one in rows %}<tr><td>{{ one.at }}<br><span class="quiet">{{ one.area }} 第 {{ one.position }} 条</span></td>
<td>{{ one.actor }}<br><span class="quiet">{{ one.role }}</span></td>
<td>{{ one.did }} {{ one.rows }} 行</td><td>{{ one.key }} {{ one.detail }}
{% if one.upload %}<br><span class="quiet">上传 {{ one.upload }}</span>{% endif %}</td></tr>
{% endfor %}</tbody></table>
{% else %}<p>没有符合的记录。</p>
{% endif %}{% if following %}<p><a href="{{ following }}">更早的</a></p>{% endif %}
<p class="quiet">每个写入或查看个人信息的事务是一条,前后相连;
<code>gis-service audit verify</code> 检查有没有被改过、删过、截断过。</p>
{% endblock %}"""


def audit_page(
    lines: Iterable[Mapping[str, Any]], asked: Mapping[str, str | None], table: str, following: str | None
) -> str:
    """Return the page; ``table`` is the address of the same as CSV, ``following`` that of what is older."""
    rows = [
        {**line, "at": said_at(line["at"]), "role": _role(line["role"]), "did": describe(line)} for line in lines
    ]  # fmt: skip
    return rendered(
        _PAGE, "审计记录", trail=[("首页", "/"), ("我的账户", "/account")], rows=rows, asked=asked, table=table,
        following=following,
    )  # fmt: skip


def describe(line: Mapping[str, Any]) -> str:
    """Return what a line says was done, in Chinese: the operation and the layer or table."""
    subject = str(line["subject"])
    layer = LAYERS.get(subject.removesuffix("_personal").removesuffix("_history"))
    if layer is None:
        title = _SUBJECTS.get(subject, subject)
    else:
        title = layer.title + {"_personal": "的个人信息", "_history": "的历史"}.get(subject[len(layer.name) :], "")
    return f"{_OPERATIONS.get(line['operation'], line['operation'])} {title}"


def _role(role: str) -> str:
    return {OPERATOR: "机房命令", "none": "本人", "database": "直接连接数据库"}.get(role, title_of(role))
