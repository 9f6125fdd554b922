"""The ways between pages, for each role those that it may go."""

from __future__ import annotations

from gis_service.people.roles import Right, may

_WAYS = (
    (Right.READ, "地图", "/"), (Right.READ, "案件台", "/desk"),
    (Right.READ, "专题地图", "/maps?f=html"),
    (Right.UPLOAD, "上传", "/uploads"), (Right.WRITE, "网格员", "/field"), (Right.READ, "出图", "/exports"),
    (None, "我的账户", "/account"), (Right.READ, "表格与下载", "/collections?f=html"),
    (Right.ACCOUNTS, "账户管理", "/accounts"),
    (Right.AUDIT, "审计记录", "/audit"), (None, "接口说明", "/api.html"),
)  # fmt: skip
"""(what one must be allowed to do, what it is called, its address), in the order in which a narrow page shows them."""


def ways_for(role: str, here: str) -> list[tuple[str, str]]:
    """Return (name, address) of the pages that a role may go to, without the one at the address ``here``."""
    return [
        (name, address) for right, name, address in _WAYS if address != here and (right is None or may(role, right))
    ]
