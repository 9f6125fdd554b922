"""The page to log in on."""

from __future__ import annotations

from collections.abc import Sequence

from gis_service.people.roles import title_of
from maps.plain_page import rendered

_PAGE = """{% extends "plain" %}{% block body %}
{% if said %}<p class="said" role="alert">{{ said }}</p>
{% endif %}<form method="post" action="/login">
<input type="hidden" name="next" value="{{ there }}">
<label for="name">账户名</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">口令</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<p><button>登录</button></p>
</form>
<p class="quiet">忘了口令请找管理员重设。第一个账户由机房里的人用命令
<code>gis-service user add 账户名 --role admin --area 区划代码</code> 建立。</p>
{% if trust %}<p class="quiet"><a href="/trust">浏览器说“不安全”?让这台手机或电脑信任本服务</a></p>
{% endif %}{% if demo %}<h2>演示账户</h2>
<p>这是演示环境:数据是合成的,下面的账户不要口令,点一下就进去。</p>
<div class="demo">
{% for name, title, role in demo %}<form method="post" action="/login">
<input type="hidden" name="next" value="{{ there }}"><input type="hidden" name="demo" value="{{ name }}">
<button class="quiet" title="{{ role }}">{{ title }}({{ name }})</button></form>
{% endfor %}</div>
{% endif %}{% endblock %}"""


def login_page(there: str, said: str, demo: Sequence[tuple[str, str, str]], *, trust: bool = False) -> str:
    """Return the page.

    Parameters
    ----------
    there
        Where to go after the login, an address within the service.
    said
        What was wrong with the last attempt; empty at first.
    demo
        (name, title, role) of the demonstration accounts, where there are any.
    trust
        Whether devices must be told to trust the service's own authority.
    """
    shown = [(name, title, title_of(role)) for name, title, role in demo]
    return rendered(_PAGE, "登录", there=there, said=said, demo=shown, trust=trust)
