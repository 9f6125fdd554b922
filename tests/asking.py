"""Asking the quick way from tests that wait: a reader with an event loop of its own, and answers ready to compare."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import uvloop

from gis_service.features.nearby import nearby_of, read_joined, read_nearby
from gis_service.features.question import Question
from gis_service.features.read import Page, one_feature, page_of_features, read_feature, read_page
from gis_service.features.tiles import read_tile, tile_of
from gis_service.reader import Reader
from gis_service.scope import Scope
from gis_service.statement import Asked, Rows
from layers.layer import Layer

Answer = TypeVar("Answer")


class Asking:
    """A reader that tests call like a function; its event loop, of the service's own kind, runs in a thread."""

    def __init__(self, url: str) -> None:
        self.reader = Reader(url)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.wait(self.reader.open())

    def __call__(self, scope: Scope, *asked: Asked) -> list[Rows]:
        """Return the rows that answer each question."""
        return self.wait(self.reader.ask(scope, *asked))

    def wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run something in the reader's event loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    def close(self) -> None:
        """Give back the connections and end the loop."""
        self.wait(self.reader.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=20)
        self._loop.close()


def page(ask: Asking, layer: Layer, scope: Scope, question: Question, *, limit: int, after: str | None = None) -> Page:
    """Return a page of features."""
    (rows,) = ask(scope, page_of_features(layer, scope, question, limit=limit, after=after))
    return read_page(rows, question, limit=limit, after=after)


def features_of(found: Page) -> list[dict[str, Any]]:
    """Return the features of a page."""
    features: list[dict[str, Any]] = json.loads(b"[" + found.features + b"]")
    return features


def feature(ask: Asking, layer: Layer, scope: Scope, identifier: str, question: Question | None = None) -> bytes:
    """Return one feature as GeoJSON."""
    (rows,) = ask(scope, one_feature(layer, scope, identifier, question or Question()))
    return read_feature(layer, identifier, rows)[0]


def tile(
    ask: Asking, layer: Layer, scope: Scope, question: Question | None = None, *, zoom: int, row: int, column: int
) -> bytes:
    """Return one tile."""
    (rows,) = ask(scope, tile_of(layer, scope, question or Question(), zoom=zoom, row=row, column=column))
    return read_tile(rows)


def nearest(
    ask: Asking, layers: Sequence[Layer], scope: Scope, question: Question | None = None, *,
    lon: float, lat: float, radius_m: float | None = None, limit: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the features of layers around a point, the nearest first, with the distance before it was rounded.

    What one layer alone answers when its features are joined must be the same.
    """

    def about(layer: Layer, *, joined: bool = False) -> Asked:
        asked = question or Question()
        return nearby_of(layer, scope, asked, lon=lon, lat=lat, radius_m=radius_m, limit=limit, joined=joined)

    answers = ask(scope, *(about(layer) for layer in layers))
    exact = {text: metres for rows in answers for metres, text in rows}
    merged = read_nearby(answers, limit)
    if len(layers) == 1:
        assert read_joined(ask(scope, about(layers[0], joined=True))[0]) == (b",".join(merged), len(merged))
    return [{**json.loads(text), "exact_m": exact[text]} for text in merged]
