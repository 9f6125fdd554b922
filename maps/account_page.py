"""Pages about one's own account: who one is, the logins and tokens, another's eyes, a new token shown once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gis_service.features.question import SHANGHAI
from gis_service.people.accounts import Account
from gis_service.people.logins import Held, Identity
from gis_service.people.passwords import SHORTEST
from gis_service.people.roles import ROLES, title_of
from maps.plain_page import rendered
from maps.ways import ways_for

# Each says the names of those before it, for the sake of old pages: the first one that is found is meant.
_BROWSERS = ("MicroMessenger", "Edg", "Firefox", "Chrome", "Safari", "curl")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac", "Linux")
_CALLED = {"MicroMessenger": "微信", "Edg": "Edge"}
_KINDS = {"session": "登录", "token": "令牌"}

_PAGE = """{% extends "plain" %}{% block body %}
{% if said %}<p class="said" role="status">{{ said }}{% if secret %}<br><code>{{ secret }}</code>{% endif %}</p>
{% endif %}{% if viewing %}<p class="said" role="status">正以 {{ viewing }} 的身份查看:
看到的与其本人看到的完全一样,不能修改。</p>
<form method="post" action="/account/view-as/end"><p><button>结束,回到自己的身份</button></p></form>
{% endif %}<table><tbody>
<tr><th scope="row">账户</th><td>{{ called }}({{ name }})</td></tr>
<tr><th scope="row">角色</th><td>{{ role }}<br><span class="quiet">{{ description }}</span></td></tr>
<tr><th scope="row">范围</th><td>{{ areas or "无" }}</td></tr>
</tbody></table>
<p>{% for label, address in ways %}<a href="{{ address }}">{{ label }}</a> {% endfor %}</p>
<form method="post" action="/logout"><p><button class="quiet">退出登录</button></p></form>
{% if workers %}<h2>以别人的身份查看</h2>
<p class="quiet">看到的与其本人看到的完全一样;期间不能修改。</p>
<form method="post" action="/account/view-as"><label for="worker">谁</label>
<select id="worker" name="name">{% for one in workers %}
<option value="{{ one.name }}">{{ one.title }}({{ one.areas|join("、") }})</option>{% endfor %}</select>
<p><button>开始</button></p></form>
{% endif %}{% if not viewing %}<h2>登录和令牌</h2>
<table><tbody>{% for one, called, when, until in held %}
<tr><th scope="row">{{ kinds[one.kind] }}</th><td>{{ called }}{% if one.id == current %}(就是现在这个){% endif %}<br>
<span class="quiet">编号 {{ (one.id|string)[:8] }} · 最近使用 {{ when }} · {{ until }} 到期
{% if one.read_only %} · 只读{% endif %}{% if one.areas %} · 只用于 {{ one.areas|join("、") }}{% endif %}</span></td>
<td><form method="post" action="/account/logins/{{ one.id }}/revoke">
<button class="quiet">撤销</button></form></td></tr>
{% endfor %}</tbody></table>
<h2>新的令牌</h2>
<p class="quiet">给 QGIS、GDAL、脚本用:作为 Bearer,或作为 Basic 的口令(用户名随意)。只显示一次。</p>
<form method="post" action="/account/tokens">
<label for="title">用途</label><input id="title" name="title" maxlength="60" placeholder="办公室的 QGIS" required>
<label for="days">有效天数</label><input id="days" name="days" type="number" min="1" max="366" value="90" required>
<label for="areas">只用于这些范围(不写为全部)</label>
<input id="areas" name="areas" inputmode="numeric" placeholder="{{ areas }}">
<p><label class="box"><input type="checkbox" name="read_only" value="1" checked> 只读</label></p>
<p><button>生成</button></p></form>
{% if has_password %}<h2>口令</h2>
{% if not own_password %}<p class="said">口令是管理员设的,请改成只有自己知道的。</p>
{% endif %}<form method="post" action="/account/password">
<input type="hidden" autocomplete="username" value="{{ name }}">
<label for="old">现在的口令</label>
<input id="old" name="old" type="password" autocomplete="current-password" required>
<label for="new">新的口令(至少 {{ shortest }} 个字符)</label>
<input id="new" name="new" type="password" minlength="{{ shortest }}" autocomplete="new-password" required>
<p><button>修改</button></p></form>
{% endif %}{% endif %}{% endblock %}"""


def account_page(
    identity: Identity, own: Account, held: Sequence[Held], workers: Sequence[Any], said: str = "", secret: str = ""
) -> str:
    """Return the page of one's own account.

    Parameters
    ----------
    workers
        (name, title, role, areas) of those through whose eyes one may look.
    said, secret
        What was just done, and the token that is shown this once.
    """
    scope = identity.scope
    viewing = scope.grant.viewing if scope.grant else None
    managed = scope.grant.managed if scope.grant else ()
    return rendered(
        _PAGE, "我的账户", trail=[("首页", "/")], said=said, secret=secret, viewing=viewing, name=own.name,
        called=own.title, role=title_of(scope.role), description=ROLES[scope.role].description,
        areas="、".join(scope.areas or managed), ways=ways_for(scope.role, "/account"), workers=workers, kinds=_KINDS,
        held=[(one, known_as(one), said_at(one.used_at), said_at(one.expires_at)) for one in held],
        current=identity.credential, has_password=own.has_password, own_password=own.own_password, shortest=SHORTEST,
    )  # fmt: skip


def known_as(one: Held) -> str:
    """Return what people know a login or a token by."""
    return browser_of(one.title) if one.kind == "session" else one.title


def browser_of(agent: str) -> str:
    """Return a browser and its system as people call them, out of what it says of itself."""
    found = [next((_CALLED.get(mark, mark) for mark in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found)) or agent[:60]


def said_at(moment: datetime | None) -> str:
    """Return a moment in Shanghai's time, to the minute."""
    return "没有登录" if moment is None else moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
