"""Roles and what each may do; the areas of an account say where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Right(StrEnum):
    """What a role may do within its areas."""

    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    VIEW_AS = "view_as"
    ACCOUNTS = "accounts"
    AUDIT = "audit"
    PERSONAL = "personal"
    METRICS = "metrics"


@dataclass(frozen=True)
class Role:
    """A role: its name, its Chinese title, one sentence about it, and what it may do."""

    name: str
    title: str
    description: str
    rights: frozenset[Right]


def _role(name: str, title: str, description: str, *rights: Right) -> Role:
    return Role(name, title, description, frozenset(rights))


ROLES: Mapping[str, Role] = MappingProxyType({
    role.name: role
    for role in (
        _role("grid_worker", "网格员", "看和改自己网格的要素;写明理由可以看房东的联系方式。",
              Right.READ, Right.WRITE, Right.PERSONAL),
        _role("surveyor", "调查员", "看、改和上传自己范围里的普查结果。", Right.READ, Right.WRITE, Right.UPLOAD),
        _role("staff", "社区工作人员", "看、改和上传本社区的数据,可以用网格员的身份查看;写明理由可以看房东的联系方式。",
              Right.READ, Right.WRITE, Right.UPLOAD, Right.VIEW_AS, Right.PERSONAL),
        _role("leader", "领导", "只看不改,可以用网格员的身份查看。", Right.READ, Right.VIEW_AS),
        _role("liaison", "联络员", "公安、消防等单位;只看移交给自己的事项。"),
        _role("admin", "管理员", "管理账户,查看审计记录和运行指标,看不到业务数据。",
              Right.ACCOUNTS, Right.AUDIT, Right.METRICS),
        _role("auditor", "审计员", "查看审计记录,看不到业务数据。", Right.AUDIT),
    )
})  # fmt: skip
"""The roles that an account can have."""

OPERATOR = "operator"
"""The role of whoever runs commands on the machine itself; no account can have it."""


def may(role: str, right: Right) -> bool:
    """Return whether a role has a right; a role that isn't known has none."""
    return role == OPERATOR or (role in ROLES and right in ROLES[role].rights)


def title_of(role: str) -> str:
    """Return a role's Chinese title."""
    return ROLES[role].title if role in ROLES else role
