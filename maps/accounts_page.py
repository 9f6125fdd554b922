"""Pages to administer accounts: all of them, and one."""

from __future__ import annotations

from collections.abc import Sequence

from gis_service.people.accounts import Account, HeldArea
from gis_service.people.logins import Held
from gis_service.people.roles import ROLES, title_of
from maps.account_page import known_as, said_at
from maps.plain_page import rendered

_LIST = """{% extends "plain" %}{% block body %}
{% if said %}<p class="said" role="status">{{ said }}{% if secret %}<br><code>{{ secret }}</code>{% endif %}</p>
{% endif %}<p class="quiet">共 {{ rows|length }} 个账户,其中停用 {{ stopped }} 个。点账户名修改。</p>
<table><thead><tr><th>账户</th><th>角色</th><th>范围</th><th>最近使用</th></tr></thead><tbody>
{% for one, role, areas, used in rows %}<tr><td><a href="/accounts/{{ one.name }}"><strong>{{ one.title }}</strong></a>
({{ one.name }}){% if not one.active %} <span class="quiet">已停用</span>{% endif %}
{% if one.demo %} <span class="quiet">演示</span>{% endif %}</td><td>{{ role }}</td>
<td>{{ areas|join("、") or "无" }}</td><td>{{ used }}</td></tr>
{% endfor %}</tbody></table>
<h2>新的账户</h2>
<form method="post" action="/accounts">
<label for="name">账户名(小写英文字母和数字)</label>
<input id="name" name="name" autocapitalize="none" spellcheck="false" required>
<label for="title">姓名或称呼</label><input id="title" name="title" maxlength="60" required>
<label for="role">角色</label><select id="role" name="role">{% for role in roles %}
<option value="{{ role.name }}">{{ role.title }}:{{ role.description }}</option>{% endfor %}</select>
<label for="areas">范围(区划代码,几个用逗号分开;15 位网格、12 位社区、9 位街道、6 位县区)</label>
<input id="areas" name="areas" required>
<p class="quiet">建立后显示一次初始口令,请当面交给本人,登录后自己改掉。</p>
<p><button>建立</button></p></form>
{% endblock %}"""

_ONE = """{% extends "plain" %}{% block body %}
{% if said %}<p class="said" role="status">{{ said }}{% if secret %}<br><code>{{ secret }}</code>{% endif %}</p>
{% endif %}<table><tbody>
<tr><th scope="row">账户</th><td>{{ one.name }}{% if not one.active %}(已停用){% endif %}</td></tr>
<tr><th scope="row">建立</th><td>{{ created }},{{ one.created_by }}</td></tr>
<tr><th scope="row">最近使用</th><td>{{ used }}</td></tr>
</tbody></table>
<h2>范围</h2>
<table><tbody>{% for held, days in areas %}<tr><th scope="row">{{ held.area }}</th><td>{{ days }}</td>
<td><form method="post" action="{{ here }}/areas/{{ held.area }}/end">
<button class="quiet">收回</button></form></td></tr>
{% else %}<tr><td>没有范围:登录后什么也看不到。</td></tr>{% endfor %}</tbody></table>
<form method="post" action="{{ here }}/areas"><label for="area">加一个范围(区划代码)</label>
<input id="area" name="area" inputmode="numeric" required>
<label for="since">自哪天起(不写为今天)</label><input id="since" name="since" type="date">
<label for="until">到哪天止(不写为长期)</label><input id="until" name="until" type="date">
<p><button>加上</button></p></form>
{% if others %}<h2>顶替别人</h2>
<form method="post" action="{{ here }}/substitute"><label for="absent">顶替谁</label>
<select id="absent" name="absent">{% for other in others %}
<option value="{{ other.name }}">{{ other.title }}({{ other.name }})</option>{% endfor %}</select>
<label for="from">自哪天起(不写为今天)</label><input id="from" name="since" type="date">
<label for="to">到哪天止</label><input id="to" name="until" type="date" required>
<p><button>顶替</button></p></form>
<h2>移交</h2>
<p class="quiet">把全部范围交给另一个账户,从今天起。</p>
<form method="post" action="{{ here }}/reassign"><label for="taking">交给谁</label>
<select id="taking" name="taking">{% for other in others %}
<option value="{{ other.name }}">{{ other.title }}({{ other.name }})</option>{% endfor %}</select>
<p><button>移交</button></p></form>
{% endif %}<h2>姓名和角色</h2>
<form method="post" action="{{ here }}"><label for="title">姓名或称呼</label>
<input id="title" name="title" value="{{ one.title }}" maxlength="60" required>
<label for="role">角色</label><select id="role" name="role">{% for role in roles %}
<option value="{{ role.name }}"{% if role.name == one.role %} selected{% endif %}>{{ role.title }}</option>
{% endfor %}</select>
<p><button>修改</button></p></form>
<h2>登录</h2>
<table><tbody>{% for login, when in held %}<tr><td>{{ login }}<br>
<span class="quiet">最近使用 {{ when }}</span></td>
</tr>{% else %}<tr><td>现在没有登录,也没有令牌。</td></tr>{% endfor %}</tbody></table>
<form method="post" action="{{ here }}/password">
<p><button class="quiet">重设口令(原来的登录随即失效)</button></p></form>
<form method="post" action="{{ here }}"><input type="hidden" name="active" value="{{ '' if one.active else '1' }}">
<p><button class="quiet">
{% if one.active %}停用(登录和令牌随即失效){% else %}重新启用{% endif %}</button></p></form>
{% endblock %}"""


def accounts_page(accounts: Sequence[Account], said: str = "", secret: str = "") -> str:
    """Return the list of accounts with the form for a new one; ``secret`` is a first password, shown this once."""
    rows = [
        (one, title_of(one.role), [held.area for held in one.areas], said_at(one.used_at)) for one in accounts
    ]  # fmt: skip
    stopped = sum(not one.active for one in accounts)
    return rendered(
        _LIST, "账户管理", trail=[("首页", "/"), ("我的账户", "/account")], rows=rows, stopped=stopped,
        roles=ROLES.values(), said=said, secret=secret,
    )  # fmt: skip


def one_account_page(
    one: Account, others: Sequence[Account], held: Sequence[Held], said: str = "", secret: str = ""
) -> str:
    """Return the page of one account; ``others`` are those that it may stand in for or hand over to."""
    return rendered(
        _ONE, one.title, trail=[("首页", "/"), ("账户管理", "/accounts")], one=one, here=f"/accounts/{one.name}",
        created=said_at(one.created_at), used=said_at(one.used_at), areas=[(area, _days(area)) for area in one.areas],
        others=[other for other in others if other.name != one.name and other.active], roles=ROLES.values(),
        held=[(known_as(login), said_at(login.used_at)) for login in held], said=said, secret=secret,
    )  # fmt: skip


def _days(held: HeldArea) -> str:
    until = f"到 {held.until} 止(含)" if held.until else "长期"
    return f"自 {held.since} 起,{until}" + (f",顶替 {held.substitutes}" if held.substitutes else "")
