"""Errors as problem documents (RFC 9457): a Chinese sentence that a clerk can act on, and the same in English."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from api.links import base_url, wants_html
from api.routes.transactions import MediaTypeError
from gis_service.errors import (
    ConflictError,
    EndedError,
    ForbiddenError,
    InputError,
    NotFoundError,
    ServiceError,
    TooManyAttemptsError,
    UnauthenticatedError,
    UnavailableError,
)
from gis_service.features.transact import ConditionFailedError, ConditionNeededError, OutsideScopeError
from maps.notice import refusal_page

LOG = logging.getLogger("gis_service.api")

STATUS: dict[type[ServiceError], int] = {
    InputError: 400,
    UnauthenticatedError: 401,
    EndedError: 401,
    ForbiddenError: 403,
    OutsideScopeError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    ConditionFailedError: 412,
    MediaTypeError: 415,
    ConditionNeededError: 428,
    TooManyAttemptsError: 429,
    UnavailableError: 503,
}
_TITLES = {
    400: "请求有误",
    401: "需要登录",
    403: "无权访问",
    404: "没有找到",
    405: "方法不允许",
    408: "请求没有传完",
    409: "与现有数据冲突",
    412: "要素已被修改",
    413: "内容太大",
    414: "地址太长",
    415: "不支持的内容类型",
    428: "需要说明版本",
    429: "尝试太多",
    431: "请求头太长",
    500: "服务内部错误",
    503: "暂时不可用",
}


def retry_after(status: int) -> dict[str, str]:
    """Return the header that says in how many seconds to try again, where waiting helps."""
    seconds = {429: "900", 503: "5"}.get(status)
    return {"Retry-After": seconds} if seconds else {}


def problem(status: int, chinese: str, english: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem document."""
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "错误"),
        "status": status,
        "detail": chinese,
        "detail_en": english,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _expected(wrong: Mapping[str, Any]) -> str:
    """Return what pydantic expected of a parameter, in Chinese; nothing where that isn't known."""
    if wrong["type"] == "string_pattern_mismatch":
        pattern = wrong["ctx"]["pattern"]
        words = re.fullmatch(r"\^\(?([a-z0-9|-]+)\)?\$", pattern)
        digits = re.fullmatch(r"\^\[0-9\]\{(\d+)\}\$", pattern)
        return f";应为 {'、'.join(words[1].split('|'))}" if words else f";应为 {digits[1]} 位数字" if digits else ""
    return {"float_parsing": ";应为数字", "int_parsing": ";应为整数"}.get(wrong["type"], "")


def answer(
    request: Request, status: int, chinese: str, english: str, headers: dict[str, str] | None = None
) -> Response:
    """Return a refusal as a page where the client wants one, which browsers do, otherwise as a problem document."""
    if not wants_html(request, "json" if request.query_params.get("f") == "json" else None):
        return problem(status, chinese, english, headers)
    base, came_from = base_url(request), request.headers.get("referer", "")
    back = came_from if request.method == "POST" and came_from.startswith(f"{base}/") else None
    page = refusal_page(_TITLES.get(status, "错误"), chinese, base, back)
    return HTMLResponse(page, status, {**(headers or {}), "Vary": "Accept"})


def unauthenticated(request: Request, error: UnauthenticatedError) -> Response:
    """Lead people to the login page, and tell programmes how to send a token.

    Scripts of pages aren't told of Basic: the browser would ask for a name and a password in a window of its own.
    """
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Cookie"}
    if request.method == "GET" and wants_html(request, "json" if request.query_params.get("f") == "json" else None):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{base_url(request)}/login?next={quote(here)}", 303, headers)
    known = 'Bearer realm="gis_service"'
    basic = 'Basic realm="gis_service", charset="UTF-8", '
    asked = known if "sec-fetch-mode" in request.headers else basic + known
    return problem(401, str(error), error.english, {"WWW-Authenticate": asked, **headers})


def install(app: FastAPI) -> None:
    """Give the application its answers to errors."""

    @app.exception_handler(ServiceError)
    def service_error(request: Request, error: ServiceError) -> Response:
        status = STATUS[type(error)]
        if isinstance(error, UnauthenticatedError):
            return unauthenticated(request, error)
        return answer(request, status, str(error), error.english, retry_after(status))

    @app.exception_handler(RequestValidationError)
    def bad_request(request: Request, error: RequestValidationError) -> Response:
        first: dict[str, Any] = dict(error.errors()[0])
        name = first["loc"][-1]
        if first["type"] == "missing":
            return answer(request, 400, f"缺少参数 {name}。", f"The parameter {name!r} is missing.")
        return answer(
            request,
            400,
            f"参数 {name} 的值 {str(first.get('input'))[:60]!r} 不对{_expected(first)}。",
            f"The parameter {name!r} is wrong: {first['msg']}.",
        )

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        sentence = {404: f"没有地址 {request.url.path}。", 405: f"{request.url.path} 不接受 {request.method}。"}
        return answer(
            request,
            error.status_code,
            sentence.get(error.status_code, str(error.detail)),
            str(error.detail),
            dict(error.headers or {}),
        )

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        identifier = request.scope.get("request_id", "")
        LOG.error("request %s failed", identifier, exc_info=error)
        return answer(
            request,
            500,
            f"服务出了错,没有改动任何数据;请把编号 {identifier} 告诉维护人员。",
            f"The service failed; nothing was changed. Give the id {identifier} to whoever maintains it.",
        )
