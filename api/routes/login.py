"""Logging in and out."""

from __future__ import annotations

import re
from typing import Annotated

import orjson
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from api.admission import Entrance, entrance_of
from api.dependencies import DatabaseOf
from api.errors import STATUS, problem, retry_after
from api.links import base_url, wants_html
from api.quick_route import QuickRoute
from api.sent_fields import FieldsOf
from gis_service.database import Database
from gis_service.errors import ForbiddenError, ServiceError, TooManyAttemptsError, UnauthenticatedError
from gis_service.people.accounts import Account
from gis_service.people.demo import list_demo
from gis_service.people.logins import LONGEST_S, digest_of, end_session, identify, log_in, log_in_demo
from gis_service.scope import Scope
from maps.login_page import login_page

router = APIRouter(tags=["people"], route_class=QuickRoute)

PRIVATE = {"Cache-Control": "no-store", "Vary": "Accept, Cookie"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}
Next = Annotated[str, Query(max_length=2000, description="登录后去哪里:本服务里的地址")]


@router.get("/login", summary="登录页", response_class=HTMLResponse)
def login_form(request: Request, database: DatabaseOf, next: Next = "/") -> Response:
    """Show the page to log in on."""
    return _page(request, database, next)


@router.post("/login", summary="登录", response_class=Response, openapi_extra=BODY)
async def log_in_(request: Request, database: DatabaseOf, sent: FieldsOf) -> Response:
    """Log in with ``name`` and ``password``, or with ``demo`` as one of the demonstration accounts.

    Comparing passwords is meant to be dear, so it has few turns of its own and leaves the other requests theirs.
    """
    return await to_thread.run_sync(_log_in, request, database, sent, limiter=request.app.state.logins)


def _log_in(request: Request, database: Database, sent: dict[str, str]) -> Response:
    entrance = entrance_of(request)
    title = request.headers.get("user-agent", "")
    replaces = request.cookies.get(entrance.cookie)
    try:
        if "demo" in sent:
            secret = _demo(database, entrance, sent["demo"], title, replaces)
        else:
            address = request.client.host if request.client else ""
            secret = log_in(
                database, sent.get("name", ""), sent.get("password", ""), address=address, title=title,
                replaces=replaces,
            )  # fmt: skip
    except (UnauthenticatedError, TooManyAttemptsError, ForbiddenError) as error:
        return _refused(request, database, error, sent.get("next", "/"))
    return _let_in(request, database, secret, sent.get("next", "/"))


@router.post("/logout", summary="退出登录", response_class=Response)
def log_out(request: Request, database: DatabaseOf) -> Response:
    """End the session; whoever has none is as logged out as before."""
    entrance = entrance_of(request)
    secret = request.cookies.get(entrance.cookie)
    if secret is not None:
        with database.write(Scope("anybody", "none", ())) as conn:
            end_session(conn, secret)
        request.app.state.identities.forget(digest_of(secret))
    there = f"{base_url(request)}/login"
    answer = RedirectResponse(there, 303, PRIVATE) if wants_html(request, None) else Response(status_code=204)
    # Another page must not come back from the browser's memory after somebody left.
    answer.headers["Clear-Site-Data"] = '"cache"'
    answer.delete_cookie(entrance.cookie, secure=entrance.secure, httponly=True, samesite="lax")
    return answer


def _demo(database: Database, entrance: Entrance, name: str, title: str, replaces: str | None) -> str:
    if not entrance.demo or name not in {one.name for one in list_demo(database)}:
        raise ForbiddenError("这里没有演示账户。", "There are no demonstration accounts here.")
    return log_in_demo(database, name, title=title, replaces=replaces)


def _let_in(request: Request, database: Database, secret: str, there: str) -> Response:
    entrance = entrance_of(request)
    if wants_html(request, None):
        answer: Response = RedirectResponse(base_url(request) + own_address(there), 303, PRIVATE)
    else:
        identity = identify(database, digest_of(secret))
        if identity is None:
            raise UnauthenticatedError("账户刚被停用。", "The account was just disabled.")
        scope = identity.scope
        said = {"name": scope.actor, "title": identity.title, "role": scope.role, "areas": scope.areas}
        answer = Response(orjson.dumps(said), media_type="application/json", headers=PRIVATE)
    answer.set_cookie(entrance.cookie, secret, max_age=LONGEST_S, secure=entrance.secure, httponly=True, samesite="lax")
    return answer


def _refused(request: Request, database: Database, error: ServiceError, there: str) -> Response:
    status = STATUS[type(error)]
    if wants_html(request, None):
        return _page(request, database, there, str(error), status)
    answer: JSONResponse = problem(status, str(error), error.english, {**PRIVATE, **retry_after(status)})
    return answer


def _page(request: Request, database: Database, there: str, said: str = "", status: int = 200) -> HTMLResponse:
    entrance = entrance_of(request)
    demo: list[Account] = list_demo(database) if entrance.demo else []
    own = entrance.certificate is not None and entrance.certificate.held.authority is not None
    page = login_page(own_address(there), said, [(one.name, one.title, one.role) for one in demo], trust=own)
    return HTMLResponse(page, status, {**PRIVATE, **retry_after(status)})


def own_address(there: str) -> str:
    """Return an address within this service: a link must not lead from the login to somebody else's page."""
    return there if re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", there) else "/"
