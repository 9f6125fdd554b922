"""Administering accounts: whoever administers sees people and their areas, and no data."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import DatabaseOf, FormatParameter, ScopeOf
from api.links import base_url, wants_html
from api.quick_route import QuickRoute
from api.routes.login import BODY, PRIVATE
from api.sent_fields import FieldsOf, codes_in
from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.people.accounts import (
    add_account,
    end_area,
    give_area,
    list_accounts,
    read_account,
    reassign,
    set_active,
    set_password,
    set_role,
    substitute,
)
from gis_service.people.logins import list_held
from gis_service.people.passwords import made
from gis_service.scope import Scope
from maps.accounts_page import accounts_page, one_account_page

router = APIRouter(prefix="/accounts", tags=["people"], route_class=QuickRoute)

Name = Annotated[str, Path(description="账户名", max_length=60)]
_TWO_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/html": {}}}}


@router.get("", summary="账户清单", response_class=Response, responses=_TWO_FORMS)
def accounts(request: Request, database: DatabaseOf, scope: ScopeOf, f: FormatParameter = None) -> Response:
    """List the accounts that whoever asks administers."""
    return _list(request, database, scope, f)


@router.post("", summary="建立账户", status_code=201, response_class=Response, openapi_extra=BODY)
def register(request: Request, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf) -> Response:
    """Make an account with a first password, which this answer alone shows."""
    name, password = sent.get("name", "").strip(), made()
    areas = codes_in(sent.get("areas", ""))
    with database.write(scope) as conn:
        add_account(conn, name, sent.get("role", ""), areas, sent.get("title", ""))
        set_password(conn, name, password, scope.actor)
    return _list(request, database, scope, None, f"账户 {name} 已建立,初始口令只显示这一次:", password, 201)


@router.get("/{name}", summary="一个账户", response_class=Response, responses=_TWO_FORMS)
def show_account(
    request: Request, name: Name, database: DatabaseOf, scope: ScopeOf, f: FormatParameter = None
) -> Response:
    """Return one account."""
    return _one(request, database, scope, name, f)


@router.post("/{name}", summary="修改角色和姓名,停用或启用", response_class=Response, openapi_extra=BODY)
def change_account(request: Request, name: Name, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf) -> Response:
    """Change ``role`` and ``title``, or ``active``; whoever is disabled is out at once."""
    with database.write(scope) as conn:
        now = read_account(conn, name)
        if {"role", "title"} & set(sent):
            set_role(conn, name, sent.get("role", now.role), sent.get("title", now.title))
        if "active" in sent:
            if name == scope.actor:
                raise InputError("不能停用自己的账户。", "Nobody disables their own account.")
            set_active(conn, name, active=sent["active"] in {"1", "true"})
    return _back(request, name)


@router.post("/{name}/password", summary="重设口令", response_class=Response)
def reset_password(request: Request, name: Name, database: DatabaseOf, scope: ScopeOf) -> Response:
    """Give an account a new password, which this answer alone shows; its logins end."""
    password = made()
    with database.write(scope) as conn:
        set_password(conn, name, password, scope.actor)
    return _one(request, database, scope, name, None, "口令已重设,只显示这一次:", password)


@router.post("/{name}/areas", summary="给一个范围,长期或到某天", response_class=Response, openapi_extra=BODY)
def give_account_area(request: Request, name: Name, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf) -> Response:
    """Give an account an area: ``area``, ``since``, ``until``."""
    with database.write(scope) as conn:
        give_area(conn, name, sent.get("area", "").strip(), day_of(sent.get("since")), day_of(sent.get("until")))
    return _back(request, name)


@router.post("/{name}/areas/{area}/end", summary="收回一个范围", response_class=Response)
def end_account_area(
    request: Request, name: Name, area: Annotated[str, Path(description="区划代码", max_length=15)],
    database: DatabaseOf, scope: ScopeOf,
) -> Response:  # fmt: skip
    """Take an area back, from today on."""
    with database.write(scope) as conn:
        end_area(conn, name, area)
    return _back(request, name)


@router.post("/{name}/substitute", summary="顶替别人到某天", response_class=Response, openapi_extra=BODY)
def stand_in(request: Request, name: Name, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf) -> Response:
    """Let an account stand in for ``absent``, from ``since`` to ``until``."""
    until = day_of(sent.get("until"))
    if until is None:
        raise InputError("顶替要写到哪天止。", "Say until which day.")
    with database.write(scope) as conn:
        substitute(conn, name, sent.get("absent", ""), day_of(sent.get("since")), until)
    return _back(request, name)


@router.post("/{name}/reassign", summary="把全部范围移交给别人", response_class=Response, openapi_extra=BODY)
def hand_over(request: Request, name: Name, database: DatabaseOf, scope: ScopeOf, sent: FieldsOf) -> Response:
    """Hand all areas over to ``taking``."""
    with database.write(scope) as conn:
        reassign(conn, name, sent.get("taking", ""))
    return _back(request, name)


def day_of(text: str | None) -> date | None:
    """Return the day that a text names; InputError when it is none."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"日期 {text[:40]!r} 不对,应像 2026-11-30。", "A day is written like 2026-11-30.") from error


def _back(request: Request, name: str) -> Response:
    if wants_html(request, None):
        return RedirectResponse(f"{base_url(request)}/accounts/{name}", 303, PRIVATE)
    return Response(status_code=204)


def _list(
    request: Request, database: Database, scope: Scope, f: str | None, said: str = "", secret: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    with database.read(scope) as conn:
        found = list_accounts(conn)
    if wants_html(request, f):
        return HTMLResponse(accounts_page(found, said, secret), status, PRIVATE)
    document = {"accounts": [asdict(one) for one in found], **({"password": secret} if secret else {})}
    return Response(orjson.dumps(document, default=str), status, PRIVATE, "application/json")


def _one(
    request: Request, database: Database, scope: Scope, name: str, f: str | None, said: str = "", secret: str = ""
) -> Response:
    with database.read(scope) as conn:
        found = read_account(conn, name)
        others = list_accounts(conn)
        held = [one for _, one in list_held(conn, name)]
    if wants_html(request, f):
        return HTMLResponse(one_account_page(found, others, held, said, secret), headers=PRIVATE)
    document = {**asdict(found), **({"password": secret} if secret else {})}
    return Response(orjson.dumps(document, default=str), 200, PRIVATE, "application/json")
