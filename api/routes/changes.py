"""Live updates: server-sent events that say which tables of which community were changed, as it happens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.dependencies import CommunityParameter, ReaderOf, ScopeOf
from api.quick_route import QuickRoute
from gis_service.changes import Changes, News
from gis_service.errors import EndedError, UnavailableError
from gis_service.reader import Reader
from gis_service.scope import Scope

router = APIRouter(route_class=QuickRoute)

_STREAM = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept, Cookie"}


@dataclass(frozen=True)
class Pace:
    """How often a silent stream says that it is alive, and how often it is asked whether the login still holds."""

    heartbeat_s: float = 15.0
    check_s: float = 60.0


@router.get("/changes", summary="实时更新:什么改了(server-sent events)", response_class=Response,
            responses={200: {"content": {_STREAM: {}}}})  # fmt: skip
async def live_changes(
    request: Request, scope: ScopeOf, reader: ReaderOf, community: CommunityParameter = None
) -> Response:
    """Tell which tables of which communities are changed, as long as the client listens and its login holds.

    Whoever doesn't say that it takes a stream of events gets its first line only: a HEAD or a link checker would
    wait for ever.
    """
    if _STREAM not in request.headers.get("accept", ""):
        return Response(": send Accept: text/event-stream\n\n", media_type=_STREAM, headers=_HEADERS)
    listening: Changes = request.app.state.changes
    return StreamingResponse(told(listening, reader, scope, community), media_type=_STREAM, headers=_HEADERS)


async def told(
    listening: Changes, reader: Reader, scope: Scope, community: str | None = None, pace: Pace | None = None
) -> AsyncIterator[str]:
    """Yield the stream: ``listening``, then ``change`` with tables by community; ``ended`` when the login has ended.

    The login is asked for again before anything is told, and now and then while nothing is.
    """
    pace, checked = pace or Pace(), time.monotonic()
    try:
        with listening.hear(scope, community) as hearing:
            yield "retry: 3000\n\n"
            while True:
                news = await hearing.wait(pace.heartbeat_s)
                if news is not None and news.ended:
                    return
                if news is not None or time.monotonic() - checked >= pace.check_s:
                    checked = time.monotonic()
                    if not await _holds(reader, scope):
                        yield _event("ended", {})
                        return
                yield ": \n\n" if news is None else _said(news)
    except UnavailableError as error:
        # The answer has begun already; the client asks in another way.
        yield _event("away", {"detail": str(error)})


async def _holds(reader: Reader, scope: Scope) -> bool:
    """Return whether the login still gives the scope; while the database is away nobody can say."""
    try:
        await reader.ask(scope)
    except EndedError:
        return False
    except UnavailableError:
        return True
    return True


def _said(news: News) -> str:
    said = _event("listening", {}) if news.listening else ""
    if news.changed:
        said += _event("change", {community: sorted(tables) for community, tables in news.changed.items()})
    return said


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {orjson.dumps(data).decode()}\n\n"
