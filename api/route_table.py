"""The way from a request to its route by the first word and the length of its path.

Starlette tries the patterns of all routes, one after the other, and FastAPI opens a stack for each request that its
own routes need: for a small answer a third of what the interpreter does. What isn't found here takes their way:
another method, a slash too many, a parameter with slashes in it, no such address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.quick_route import QuickRoute

_Key = tuple[str, int]
_EVERYTHING_ELSE = {500, Exception}
"""Errors that nobody expects; they are answered outside, once they are in the log."""


class RouteTable:
    """ASGI middleware that answers what its routes answer, and passes everything else on.

    Parameters
    ----------
    routes
        In the order in which they are tried.
    handlers
        What answers errors, by status or class, as the application has them.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[QuickRoute], handlers: Mapping[Any, Any]) -> None:
        self._app = app
        table: defaultdict[_Key, list[QuickRoute]] = defaultdict(list)
        for route in routes:
            table[_key(route.path)].append(route)
        self._table = dict(table)
        expected = {key: value for key, value in handlers.items() if key not in _EVERYTHING_ELSE}
        self._answered = ExceptionMiddleware(_answer, handlers=expected)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        await (self._answered if self._finds(scope) else self._app)(scope, receive, send)

    def _finds(self, scope: Scope) -> bool:
        """Note the route of a request, if there is one, where Starlette would."""
        if scope["type"] != "http" or scope.get("root_path"):
            return False
        path, method = scope["path"], scope["method"]
        for route in self._table.get(_key(path), ()):
            if (found := route.path_regex.match(path)) and method in (route.methods or ()):
                convertors = route.param_convertors
                scope["path_params"] = {
                    name: convertors[name].convert(said) for name, said in found.groupdict().items()
                }
                scope["route"], scope["endpoint"] = route, route.endpoint
                return True
        return False


def _key(path: str) -> _Key:
    """Return where the routes of a path lie; none of them begins with a parameter."""
    return path[1:].partition("/")[0], path.count("/")


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await scope["route"].app(scope, receive, send)
