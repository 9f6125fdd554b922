"""The page of a feature's personal fields: masked, whole for a reason, and the form to change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layers.layer import Layer
from maps.plain_page import rendered

_PAGE = """{% extends "plain" %}{% block body %}
{% if said %}<p class="said" role="status">{{ said }}</p>
{% endif %}<table><tbody>{% for field, value in fields %}
<tr><th scope="row">{{ field.title }}</th><td>{{ value or "没有登记" }}</td></tr>
{% endfor %}</tbody></table>
{% if not whole %}<h2>查看完整内容</h2>
<p class="quiet">谁、何时、为什么查看,会记入审计。</p>
<form method="post" action="{{ here }}"><label for="reason">理由</label>
<input id="reason" name="reason" minlength="4" maxlength="200" required placeholder="例如 核对出租合同">
<p><button>查看</button></p></form>
{% endif %}{% if changes and whole %}<h2>修改</h2>
<p class="quiet">个人信息单独存放,没有历史;不写的项会删去。</p>
<form method="post" action="{{ here }}">{% for field, value in fields %}
<label for="{{ field.name }}">{{ field.title }}</label>
<input id="{{ field.name }}" name="{{ field.name }}" autocomplete="off" value="{{ value or '' }}">
{% endfor %}<p><button>保存</button></p></form>
{% endif %}{% endblock %}"""


def personal_page(
    layer: Layer, title: str, values: Mapping[str, str | None], here: str, trail: Sequence[tuple[str, str]], *,
    whole: bool, changes: bool, said: str = "",
) -> str:  # fmt: skip
    """Return the page; ``whole`` says that the values aren't masked, ``changes`` that they may be changed."""
    fields = [(field, values.get(field.name)) for field in layer.personal_fields]
    return rendered(
        _PAGE, title, trail=trail, fields=fields, here=here, whole=whole, changes=changes, said=said
    )  # fmt: skip
