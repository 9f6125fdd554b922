"""The way from a request to its route: the same one as Starlette finds, for every address and method."""

from __future__ import annotations

import random
import re
import string
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match
from starlette.testclient import TestClient

from api import errors
from api.admission import Entrance
from api.app import all_routes
from api.quick_route import QuickRoute
from api.route_table import RouteTable
from gis_service.errors import InputError

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
LETTERS = string.ascii_letters + string.digits + "._-:,~ %网"
ROUTES = all_routes()


def scope_of(path: str, method: str, root: str = "") -> dict[str, Any]:
    return {"type": "http", "path": path, "method": method, "root_path": root, "headers": [], "query_string": b""}


async def nowhere(_scope: Any, _receive: Any, _send: Any) -> None:
    """Stand where the application's own way begins."""


def filled(path: str, chance: random.Random) -> str:
    """Return an address that a route's pattern may stand for."""
    return re.sub(r"\{[^}]*\}", lambda _: "".join(chance.choices(LETTERS, k=chance.randint(1, 9))), path)


def spoilt(path: str, chance: random.Random) -> str:
    """Return an address with something too many, too few or another letter."""
    at = chance.randrange(len(path))
    return chance.choice([path + "/", path + "/x", path[:at] + "/" + path[at:], path[:at], path[:at] + path[at + 1 :]])


def by_all_patterns(path: str, method: str) -> tuple[QuickRoute, Any] | None:
    """Return the first route whose whole pattern fits, as Starlette looks for it."""
    for route in ROUTES:
        match, child = route.matches(scope_of(path, method))
        if match is Match.FULL:
            return route, child["path_params"]
    return None


def test_it_finds_what_all_patterns_find() -> None:
    chance, table = random.Random(41), RouteTable(nowhere, ROUTES, {})
    found = missed = deep = 0
    for route in ROUTES:
        for _ in range(30):
            path = filled(route.path, chance)
            path = path if chance.random() < 0.7 else spoilt(path, chance)
            method = chance.choice([*METHODS, *(route.methods or ())])
            scope, expected = scope_of(path, method), by_all_patterns(path, method)
            if table._finds(scope):
                assert expected == (scope["route"], scope["path_params"]), (method, path)
                assert scope["endpoint"] is scope["route"].endpoint
                found += 1
            elif expected is not None:
                # A parameter with slashes in it is left to the patterns.
                assert ":path}" in expected[0].path, (method, path)
                deep += 1
            else:
                missed += 1
    assert found > 800
    assert missed > 500
    assert deep < 20


def test_below_another_root_and_beside_http_everything_is_passed_on() -> None:
    table = RouteTable(nowhere, ROUTES, {})
    assert table._finds(scope_of("/healthz", "GET"))
    assert table._finds(scope_of("/maps/density", "GET"))
    # Below /maps this is the address density, and no map.
    assert not table._finds(scope_of("/maps/density", "GET", "/maps"))
    assert not table._finds({"type": "lifespan"})


def answering(raised: type[Exception] | None) -> FastAPI:
    """Return an application whose one quick route raises something."""

    async def endpoint(request: Request) -> Response:
        if raised is not None:
            raise raised("说明", "said") if issubclass(raised, InputError) else raised("said")
        return PlainTextResponse("rest" if request.scope["app"] is app else "")

    app = FastAPI()
    errors.install(app)
    # Its address is one whose rule lets everybody in.
    route = QuickRoute("/healthz", endpoint, methods=["GET"])
    app.router.routes.append(route)
    app.state.entrance = Entrance()
    app.add_middleware(RouteTable, routes=[route], handlers=app.exception_handlers)
    return app


@pytest.mark.parametrize(("raised", "status"), [(None, 200), (InputError, 400), (ValueError, 500)])
def test_errors_are_answered_as_the_application_answers_them(raised: type[Exception] | None, status: int) -> None:
    client = TestClient(answering(raised), base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get("/healthz")
    assert answer.status_code == status
    if raised is None:
        assert answer.text == "rest"
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_other_methods_and_slashes_take_the_other_way() -> None:
    client = TestClient(answering(None), base_url="http://127.0.0.1", follow_redirects=False)
    assert client.post("/healthz").status_code == 405
    assert client.post("/healthz").json()["detail"] == "/healthz 不接受 POST。"
    assert client.get("/healthz/").status_code == 307
    assert client.get("/healthzz").status_code == 404
