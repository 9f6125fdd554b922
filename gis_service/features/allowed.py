"""What a scope may write: the methods that a layer and its features take from it, and the community it writes to."""

from __future__ import annotations

from typing import Final

from gis_service.errors import InputError, NotFoundError
from gis_service.people.roles import Right, may
from gis_service.scope import Scope
from layers.layer import Layer

_COMMUNITY_WIDE: Final = frozenset({"community", "grid"})
"""Layers that only whoever is responsible for the whole community may change; row-level security says the same."""


def methods_of_layer(layer: Layer, scope: Scope) -> tuple[str, ...]:
    """Return the methods that ``/items`` of a layer takes from a scope."""
    # A community has one boundary, which it gets when it is registered.
    adds = layer.name != "community" and _may_change(layer, scope)
    return ("GET", "HEAD", "OPTIONS", *(("POST",) if adds else ()))


def methods_of_feature(layer: Layer, scope: Scope) -> tuple[str, ...]:
    """Return the methods that one feature of a layer takes from a scope."""
    changes = ("PUT", "PATCH") if _may_change(layer, scope) else ()
    removes = ("DELETE",) if changes and layer.name != "community" else ()
    return ("GET", "HEAD", "OPTIONS", *changes, *removes)


def community_for(scope: Scope, *named: str | None) -> str:
    """Return the community that a new feature belongs to: the one that is named, otherwise the scope's only one.

    Raises
    ------
    InputError
        When none is named and the scope has several, or two are named.
    NotFoundError
        When the scope doesn't reach it, or there is none of that code.
    """
    said = {name for name in named if name is not None}
    if not said:
        said = {code[:12] for code in scope.areas}
        if any(len(code) < 12 for code in scope.areas) or len(said) != 1:
            raise InputError(
                "请指明社区:在地址后加 ?community=12 位社区代码,或写在属性 community 里。",
                "Name the community: ?community=… or the property community.",
            )
    if len(said) > 1:
        raise InputError("地址里和属性里的社区代码不同。", "Address and properties name different communities.")
    community = said.pop()
    if not (community.isascii() and community.isdigit() and len(community) == 12):
        raise InputError(
            f"社区代码 {community[:40]!r} 不对:应为 12 位数字。", "The community's code is wrong: it has 12 digits."
        )
    if not scope.narrowed(community).areas:
        raise no_community(community)
    return community


def no_community(community: str) -> NotFoundError:
    """Return the refusal of a community that isn't there or that the scope doesn't reach: it tells not which."""
    return NotFoundError(
        f"没有社区 {community},或不在您的范围内。", f"There is no community {community}, or it lies outside your area."
    )


def _may_change(layer: Layer, scope: Scope) -> bool:
    if not may(scope.role, Right.WRITE) or (scope.grant is not None and scope.grant.read_only):
        return False
    if layer.name in _COMMUNITY_WIDE:
        return any(len(code) <= 12 for code in scope.areas)
    return bool(scope.areas)
