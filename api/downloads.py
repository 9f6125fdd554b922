"""Whole answers: streamed as they come from the database, or as a file that a child process makes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Generator, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.conditional import holds, unchanged
from api.links import GEOJSON
from gis_service.database import Database
from gis_service.exports.formats import CSV, FileFormat
from gis_service.exports.making import MadeFile, export_folder, make_file
from gis_service.exports.selection import Selection
from gis_service.exports.texts import stream_csv, stream_kml
from gis_service.features.question import SHANGHAI
from gis_service.features.read import stream_features
from gis_service.features.tags import tag_of, versions_of
from gis_service.reader import Reader

_CHUNK = 256 * 1024
_LOOK_SECONDS = 0.5
"""How often a client is asked whether it still waits for its file."""


class HeldResponse(StreamingResponse):
    """A stream that holds something (a turn, a transaction, a folder) until it is sent or given up."""

    def __init__(self, content: Iterable[bytes] | AsyncIterable[bytes], held: AsyncExitStack, **options: Any) -> None:
        super().__init__(content, **options)
        self._held = held

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send the stream, and let go of what it holds whatever happens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._held.aclose()


async def whole_answer(request: Request, reader: Reader, selection: Selection, form: FileFormat | None) -> Response:
    """Return everything that is selected as GeoJSON (without a form) or as a file; 304 when the client holds it.

    The tag is weak: two files of one state differ in the moment of their making and in the order of their rows.
    """
    name = form.name if form else "geojson"
    versions = (await reader.ask(selection.scope, versions_of([selection.layer], selection.scope)))[0]
    tag = tag_of(versions, [selection.layer], selection.scope, "whole", name, request.url.query)
    if holds(request, tag):
        return unchanged(f"W/{tag}")
    headers = {"ETag": f"W/{tag}", "Cache-Control": "private, no-cache", "Vary": "Accept, Cookie"}
    headers["Content-Crs"] = f"<{selection.system.uri}>"
    if form is not None:
        headers["Content-Disposition"] = _disposition(selection, form)
    async with AsyncExitStack() as held:
        await held.enter_async_context(request.app.state.turns.turn())
        if form is None or form.written == "text":
            pieces = _texts(request.app.state.database, selection, form)
            held.push_async_callback(run_in_threadpool, pieces.close)
            # What is wrong with the question shows with the first rows, while the answer may still be an error.
            first = await run_in_threadpool(next, pieces)
            media_type = form.media_type if form else GEOJSON
            response = HeldResponse(chain((first,), pieces), held.pop_all(), media_type=media_type, headers=headers)
        else:
            made = await _make(request, selection, form, held.enter_context(export_folder()))
            headers["Content-Length"] = str(made.path.stat().st_size)
            if made.shortened:
                headers["Gis-Shortened-Names"] = made.shortened
            response = HeldResponse(_read(made.path), held.pop_all(), media_type=form.media_type, headers=headers)
    return response


def _texts(database: Database, selection: Selection, form: FileFormat | None) -> Generator[bytes]:
    """Yield a text format in pieces, inside a transaction of its own; the generator's ``close`` ends it early."""
    with database.read(selection.scope) as conn:
        if form is None:
            yield from stream_features(
                conn, selection.layer, selection.scope, selection.question, system=selection.system,
                names=selection.names,
            )  # fmt: skip
        else:
            yield from (stream_csv if form is CSV else stream_kml)(conn, selection)


async def _make(request: Request, selection: Selection, form: FileFormat, folder: Path) -> MadeFile:
    """Make a file in a thread that waits for the child; the work ends when the client has gone."""
    database: Database = request.app.state.database
    gone = False

    def make() -> MadeFile:
        with database.read(selection.scope) as conn:
            return make_file(conn, selection, form, folder, lambda: not gone)

    task = asyncio.create_task(run_in_threadpool(make))
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
            gone = gone or await request.is_disconnected()
    finally:
        gone = True
        # The folder is removed next, so nobody may still be writing there.
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task})
    return task.result()


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def attachment(plain: str, chinese: str) -> str:
    """Return the header that names a file to be saved: in Chinese, and in ASCII for clients that read only that."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(chinese)}"


def _disposition(selection: Selection, form: FileFormat) -> str:
    day = (selection.question.as_of or datetime.now(SHANGHAI)).astimezone(SHANGHAI).strftime("%Y%m%d")
    ending = f"_{day}.{form.suffix}"
    return attachment(f"{selection.layer.name}{ending}", f"{selection.layer.title}{ending}")
