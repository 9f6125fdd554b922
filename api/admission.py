"""The gate before every route: from where, whose, and whether the rule of the route lets them in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from fastapi import Request

from api.access import Rule
from api.certificate_in_use import CertificateInUse
from api.identities import Identities, digest_brought
from gis_service.errors import EndedError, ForbiddenError, UnauthenticatedError
from gis_service.people.logins import Identity
from gis_service.people.roles import Right, may, title_of
from gis_service.reader import Reader

_LOCAL_NAMES = {"localhost"}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Entrance:
    """Under which names the service is reached, and how people come in.

    Attributes
    ----------
    hosts
        Names beside those of this machine itself; a page from elsewhere could otherwise reach the service through
        the browser under a name of its own.
    secure
        People come by HTTPS, so that the cookie is never sent without it.
    demo
        There are demonstration accounts, which anybody may use with one click.
    certificate
        What the service itself speaks HTTPS with, also under the names in it; None where it doesn't.
    """

    hosts: frozenset[str] = frozenset()
    secure: bool = False
    demo: bool = False
    certificate: CertificateInUse | None = None

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; the prefix binds it to this host (RFC 6265bis)."""
        return "__Host-sid" if self.secure else "sid"

    @property
    def strict(self) -> bool:
        """Whether browsers are told to come by HTTPS only from now on, and to let nobody pass a bad certificate (HSTS).

        Not where the service speaks HTTPS itself: HSTS holds for every port of a host, whatever else runs there, and
        whoever hasn't trusted the authority yet, or finds it expired, couldn't even reach the page that says how.
        """
        return self.secure and self.certificate is None


def entrance_of(request: Request) -> Entrance:
    """Return how people come in."""
    entrance: Entrance = request.app.state.entrance
    return entrance


def identities_of(request: Request) -> Identities:
    """Return what secrets gave lately."""
    identities: Identities = request.app.state.identities
    return identities


async def admit(request: Request, rules: Mapping[str, Rule]) -> None:
    """Let a request in, with whoever it is in ``request.state.identity``.

    Raises
    ------
    ForbiddenError
        When it comes under a foreign name or from another site's page, or the role may not do this.
    UnauthenticatedError
        When nobody is logged in.
    """
    entrance, rule = entrance_of(request), rules[request.method]
    if not is_known_host(host_name(request.headers.get("host", "")), entrance):
        raise ForbiddenError(
            "这个网址不是本服务的网址;要用别的名字或地址访问,请设置 GIS_PUBLIC_URL。",
            "The service isn't known under this name; set GIS_PUBLIC_URL.",
        )
    if request.method not in SAFE:
        _refuse_other_sites(request)
    if not rule.login:
        return
    try:
        await _let_in(request, entrance, rule)
    except (EndedError, ForbiddenError):
        # That may be so of what is remembered only; nothing has been done yet.
        forget(request)
        await _let_in(request, entrance, rule)


async def _let_in(request: Request, entrance: Entrance, rule: Rule) -> None:
    identity = await _identity_of(request, entrance)
    request.state.identity = identity
    _check(identity, rule)
    if not rule.asks:
        reader: Reader = request.app.state.reader
        await reader.ask(identity.scope)


def forget(request: Request) -> None:
    """Ask anew what the request's secret gives."""
    digest = digest_brought(request, entrance_of(request).cookie)
    if digest is not None:
        identities_of(request).forget(digest)


def _refuse_other_sites(request: Request) -> None:
    """Refuse what a page of another site sends through somebody's browser: forms need nobody's leave to be sent."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in {"same-origin", "none"} if site else origin not in {None, own}:
        raise ForbiddenError("请求来自别的网站的页面,没有执行。", "The request comes from another site's page.")


async def _identity_of(request: Request, entrance: Entrance) -> Identity:
    digest = digest_brought(request, entrance.cookie)
    if digest is None:
        raise UnauthenticatedError("请先登录。", "Log in first, or send a token.")
    identity = await identities_of(request).of(digest)
    if identity is None:
        raise EndedError("登录已到期或被撤销,请重新登录;令牌请换新的。", "The login or token isn't valid (any more).")
    return identity


def _check(identity: Identity, rule: Rule) -> None:
    scope = identity.scope
    if rule.session_only and identity.kind != "session":
        raise ForbiddenError("这里要用浏览器登录,不能用令牌。", "This takes a login in the browser, not a token.")
    if rule.right is not None and not may(scope.role, rule.right):
        raise ForbiddenError(
            f"您的角色({title_of(scope.role)})不能这样做;需要时请找管理员。", "Your role may not do this."
        )
    if rule.right is Right.PERSONAL and scope.grant is not None and scope.grant.viewing:
        raise ForbiddenError(
            "以别人的身份查看时不显示个人信息。", "Personal fields aren't shown through another's eyes."
        )
    if rule.changes and scope.grant is not None and scope.grant.read_only:
        raise ForbiddenError(
            "现在只能查看,不能修改:令牌是只读的,或正以别人的身份查看。", "This login is for looking only."
        )


def is_known_host(host: str, entrance: Entrance) -> bool:
    """Return whether the service answers under a name."""
    certificate = entrance.certificate
    return _is_local(host) or host in entrance.hosts or (certificate is not None and certificate.held.covers(host))


@lru_cache(maxsize=64)
def host_name(header: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
