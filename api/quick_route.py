"""Routes that work out once, not for every request, where the values of their parameters come from.

FastAPI looks through every declared parameter of a route and of all it depends on again for each request: on a map
tile that took more than half of this service's own time. Parameters are still declared FastAPI's way, which also
describes them in ``/api``; here the declaration is turned into a short plan when the route is made.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from api.access import rule_of
from api.admission import SAFE, admit, forget
from api.dependencies import refuse_nul, refuse_unknown
from gis_service.errors import EndedError


class QuickRoute(APIRoute):
    """A route for APIRouter's ``route_class``; its function gives a Response, and reads a body itself.

    A query parameter that isn't declared is refused, unless something that the route depends on has the attribute
    ``reads_properties`` and looks after that itself.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Make a route whose operation is called like its function, unless it is given an id."""
        super().__init__(path, endpoint, **{**options, "generate_unique_id_function": _name_of})
        answer = self.get_route_handler()

        # In the place of FastAPI's own, which opens two stacks for dependencies that have to be closed: there are none.
        # What is raised is answered by the application, as everywhere.
        async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive, send)
            response = await answer(request)
            await response(scope, receive, send)

        self.app = app

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request.

        Raises
        ------
        TypeError
            For a declaration that no plan can be made of.
        LookupError
            When no rule says who may call the route.
        """
        plan = _plan_of(self.dependant)
        rules = rule_of(self.methods or set(), self.path)
        names = None if _reads_properties(self.dependant) else _query_names(self.dependant)

        async def attempt(request: Request) -> Response:
            refuse_nul(request)
            if names is not None:
                refuse_unknown(request, names)
            errors: list[Any] = []
            response = await plan.run(request, {}, errors)
            if errors:
                raise RequestValidationError(errors)
            if not isinstance(response, Response):
                raise TypeError(f"{self.path} answered with {type(response).__name__}, not with a Response")
            return response

        async def answer(request: Request) -> Response:
            await admit(request, rules)
            try:
                return await attempt(request)
            except EndedError:
                # What was remembered of the login has changed: it ended, or its areas are others today.
                forget(request)
                if request.method not in SAFE and not rules[request.method].asks:
                    raise
                await admit(request, rules)
                return await attempt(request)

        return answer


def _name_of(route: APIRoute) -> str:
    return route.name


@dataclass(frozen=True)
class _Parameter:
    """One value from the path, the query or the headers: under which name it arrives, and what makes it of the text."""

    name: str
    alias: str
    required: bool
    default: Any
    validate: Callable[..., tuple[Any, Any]]


@dataclass(frozen=True)
class _Plan:
    """A function and where its arguments come from.

    ``unasked`` are the values of its query parameters where a request has no query; None if one of them is required.
    """

    call: Callable[..., Any]
    waits: bool
    request_name: str | None
    path: Sequence[_Parameter]
    query: Sequence[_Parameter]
    unasked: Mapping[str, Any] | None
    headers: Sequence[_Parameter]
    parts: Sequence[tuple[str | None, _Plan]]

    async def run(self, request: Request, done: dict[Callable[..., Any], Any], errors: list[Any]) -> Any:
        """Return what the function gives; it isn't called when ``errors`` grew on the way.

        ``done`` holds what functions gave that were called for this request already.
        """
        if self.call in done:
            return done[self.call]
        before = len(errors)
        values: dict[str, Any] = {}
        for name, part in self.parts:
            found = await part.run(request, done, errors)
            if name is not None:
                values[name] = found
        if self.path:
            _read(self.path, "path", request.path_params, values, errors)
        if self.query:
            if self.unasked is not None and not request.scope["query_string"]:
                values |= self.unasked
            else:
                _read(self.query, "query", request.query_params, values, errors)
        if self.headers:
            _read(self.headers, "header", request.headers, values, errors)
        if len(errors) > before:
            return None
        if self.request_name is not None:
            values[self.request_name] = request
        result = await (self.call(**values) if self.waits else run_in_threadpool(self.call, **values))
        done[self.call] = result
        return result


def _read(
    parameters: Sequence[_Parameter], place: str, given: Mapping[str, str], values: dict[str, Any], errors: list[Any]
) -> None:
    """Put the validated value of each parameter into ``values``, and what is wrong with it into ``errors``."""
    for parameter in parameters:
        text = given.get(parameter.alias)
        if text is None:
            if parameter.required:
                errors.append({"type": "missing", "loc": (place, parameter.alias), "msg": "Field required"})
            else:
                values[parameter.name] = parameter.default
            continue
        values[parameter.name], wrong = parameter.validate(text, values, loc=(place, parameter.alias))
        if wrong:
            errors.extend(wrong)


def _plan_of(dependant: Dependant) -> _Plan:
    call = dependant.call
    if call is None or isgeneratorfunction(call) or isasyncgenfunction(call):
        raise TypeError(f"no plan for {call!r}: a plain or async function is expected")
    if dependant.cookie_params or dependant.body_params:
        raise TypeError(f"{call.__qualname__} declares cookies or a body; let it read them from the request")
    query = _parameters(dependant.query_params)
    unasked = None if any(one.required for one in query) else {one.name: one.default for one in query}
    return _Plan(
        call, iscoroutinefunction(call), dependant.request_param_name,
        _parameters(dependant.path_params), query, unasked,
        _parameters(dependant.header_params), tuple((part.name, _plan_of(part)) for part in dependant.dependencies),
    )  # fmt: skip


def _parameters(fields: Sequence[Any]) -> tuple[_Parameter, ...]:
    return tuple(
        _Parameter(one.name, one.alias, one.field_info.is_required(), one.default, one.validate) for one in fields
    )


def _query_names(dependant: Dependant) -> frozenset[str]:
    """Return the query parameters of a route and of everything it depends on."""
    names = frozenset(param.alias for param in dependant.query_params)
    return names.union(*(_query_names(part) for part in dependant.dependencies))


def _reads_properties(dependant: Dependant) -> bool:
    return any(getattr(part.call, "reads_properties", False) for part in dependant.dependencies)
