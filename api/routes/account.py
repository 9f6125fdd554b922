"""One's own account: logins and tokens, the password, and looking through a worker's eyes."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import DatabaseOf, FormatParameter, IdentityOf
from api.links import base_url, wants_html
from api.quick_route import QuickRoute
from api.routes.login import BODY, PRIVATE
from api.sent_fields import FieldsOf, codes_in
from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.people.accounts import read_account, set_password
from gis_service.people.logins import (
    Held,
    Identity,
    list_held,
    make_token,
    password_is,
    revoke,
    view_as,
    viewable,
)
from gis_service.people.roles import Right, may
from gis_service.scope import Scope
from maps.account_page import account_page

router = APIRouter(prefix="/account", tags=["people"], route_class=QuickRoute)


@router.get(
    "", summary="我的账户:角色、范围、登录和令牌", response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/html": {}}}},
)  # fmt: skip
def account(request: Request, database: DatabaseOf, identity: IdentityOf, f: FormatParameter = None) -> Response:
    """Return whose login this is, and the logins and tokens of the account."""
    return _shown(request, database, identity, f)


@router.post("/password", summary="修改自己的口令", response_class=Response, openapi_extra=BODY)
def change_password(request: Request, database: DatabaseOf, identity: IdentityOf, sent: FieldsOf) -> Response:
    """Change the password; the account's other logins end."""
    scope = identity.scope
    if not password_is(database, scope.actor, sent.get("old", "")):
        raise InputError("现在的口令不对,没有修改。", "The present password is wrong.")
    with database.write(scope) as conn:
        set_password(conn, scope.actor, sent.get("new", ""), scope.actor, identity.credential)
    return _shown(request, database, identity, None, "口令已修改;别处的登录和令牌都已失效。")


@router.post("/tokens", summary="生成一个令牌", status_code=201, response_class=Response, openapi_extra=BODY)
def new_token(request: Request, database: DatabaseOf, identity: IdentityOf, sent: FieldsOf) -> Response:
    """Make a token; the answer is the only place that ever shows it."""
    days = sent.get("days", "90")
    if not days.isdecimal() or len(days) > 4:
        raise InputError("有效天数应是整数。", "The days must be a number.")
    areas = codes_in(sent.get("areas", ""))
    with database.write(identity.scope) as conn:
        made = make_token(
            conn, identity.scope.actor, sent.get("title", ""), int(days), areas=areas,
            read_only=sent.get("read_only") in {"1", "true", "on"},
        )  # fmt: skip
    return _shown(request, database, identity, None, "令牌已生成,只显示这一次,请现在就保存:", made, status=201)


@router.post("/logins/{login}/revoke", summary="撤销一个登录或令牌", response_class=Response)
def revoke_login(
    request: Request, database: DatabaseOf, identity: IdentityOf,
    login: Annotated[str, Path(description="登录或令牌的编号", max_length=36)],
) -> Response:  # fmt: skip
    """End a login or a token at once."""
    with database.write(_own(identity)) as conn:
        revoke(conn, login)
    return _back(request)


@router.post("/view-as", summary="以网格员的身份查看", response_class=Response, openapi_extra=BODY)
def begin_view(request: Request, database: DatabaseOf, identity: IdentityOf, sent: FieldsOf) -> Response:
    """See what the worker ``name`` sees, until it is ended; nothing can be changed meanwhile."""
    with database.write(identity.scope) as conn:
        view_as(conn, identity.credential, sent.get("name", ""))
    return _back(request)


@router.post("/view-as/end", summary="回到自己的身份", response_class=Response)
def end_view(request: Request, database: DatabaseOf, identity: IdentityOf) -> Response:
    """See with one's own eyes again."""
    with database.write(_own(identity)) as conn:
        view_as(conn, identity.credential, None)
    return _back(request)


def _own(identity: Identity) -> Scope:
    """Return the scope for what everybody may always do with their own logins, whatever they are looking at."""
    return Scope(identity.scope.actor, "none", ())


def _back(request: Request) -> Response:
    if wants_html(request, None):
        return RedirectResponse(f"{base_url(request)}/account", 303, PRIVATE)
    return Response(status_code=204)


def _shown(
    request: Request, database: Database, identity: Identity, f: str | None, said: str = "", secret: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    scope = identity.scope
    with database.read(scope) as conn:
        own = read_account(conn, scope.actor)
        held = [one for _, one in list_held(conn, scope.actor)]
        workers = viewable(conn) if may(scope.role, Right.VIEW_AS) else []
    if wants_html(request, f):
        return HTMLResponse(account_page(identity, own, held, workers, said, secret), status, PRIVATE)
    grant = scope.grant
    document: dict[str, Any] = {
        "name": own.name, "title": own.title, "role": scope.role, "areas": scope.areas,
        "managed": grant.managed if grant else (), "viewing": grant.viewing if grant else None,
        "logins": [_described(one) for one in held],
    }  # fmt: skip
    if secret:
        document["token"] = secret
    return Response(orjson.dumps(document, default=str), status, PRIVATE, "application/json")


def _described(one: Held) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "title": one.title, "areas": one.areas, "read_only": one.read_only,
        "created_at": one.created_at, "used_at": one.used_at, "expires_at": one.expires_at,
    }  # fmt: skip
