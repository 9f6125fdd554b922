"""The page that says how a phone or computer comes to trust the service's own authority."""

from __future__ import annotations

from cryptography import x509

from gis_service.certificates.folder import called, day_of, fingerprint_of, windows_fingerprint_of
from maps.plain_page import rendered
from maps.trust_steps import AUTHORITY_FILE, STEPS

_PAGE = """{% extends "plain" %}{% block body %}
<p>本服务的证书由单位自建的证书机构签发。每台手机、电脑安装一次这个机构的证书,浏览器就不再提示“不安全”,
定位和离线使用才能打开。</p>
<p><a href="/{{ file }}"><strong>下载证书 {{ file }}</strong></a></p>
<h2>先核对指纹</h2>
<p>装了证书,就会相信它签发的内网网站。所以请与管理员<strong>另外</strong>给您的指纹(贴在墙上的、电话里念的)核对,
不一样就不要装。管理员用命令 <code>gis-service tls show</code> 看得到。</p>
<table><tbody>
<tr><th scope="row">机构</th><td>{{ called }}<br><span class="quiet">有效到 {{ until }}</span></td></tr>
<tr><th scope="row">SHA-256</th><td><code>{{ sha256 }}</code></td></tr>
<tr><th scope="row">SHA-1<br><span class="quiet">Windows</span></th><td><code>{{ sha1 }}</code></td></tr>
</tbody></table>
{% for system, steps in systems %}<h2>{{ system }}</h2>
<ol>{% for step in steps %}<li>{{ step }}</li>
{% endfor %}</ol>
{% endfor %}<h2>好了以后</h2>
<p>再打开 <a href="{{ base }}/">{{ base }}/</a>,地址栏不再提示“不安全”。不再需要时,在同一处把证书删去。</p>
{% endblock %}"""


def trust_page(authority: x509.Certificate, base: str) -> str:
    """Return the page.

    Parameters
    ----------
    authority
        The certificate of the own authority.
    base
        The address of the service, without a slash at its end.
    """
    return rendered(
        _PAGE, "让手机和电脑信任本服务", trail=[("登录", "/login")], file=AUTHORITY_FILE, systems=STEPS, base=base,
        called=called(authority.subject), until=day_of(authority.not_valid_after_utc),
        sha256=fingerprint_of(authority), sha1=windows_fingerprint_of(authority),
    )  # fmt: skip
