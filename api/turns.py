"""Turns for expensive answers: a few are made at once, the others wait a moment or are told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from gis_service.errors import UnavailableError


class Turns:
    """A semaphore for exports and maps, with an end to waiting and to holding.

    Taken by a dependency with ``yield``, which FastAPI's own routes have and QuickRoute refuses, a turn lasts until the
    answer is sent, also when it is streamed::

        async def costly(request: Request) -> AsyncIterator[None]:
            async with request.app.state.turns.turn():
                yield

    Parameters
    ----------
    at_once
        How many turns there are; the service's machine has two cores.
    wait_seconds
        How long a request waits for its turn before it is UnavailableError (503).
    hold_seconds
        When a turn is passed on although its answer isn't sent yet: two clients that read slowly must not keep
        everyone else out, and while nobody reads, an answer costs nothing.
    """

    def __init__(self, at_once: int = 2, wait_seconds: float = 5.0, hold_seconds: float = 60.0) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._wait_seconds = wait_seconds
        self._hold_seconds = hold_seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise UnavailableError(
                f"现在已有 {self._at_once} 项导出或地图在生成,请稍候再试。",
                f"{self._at_once} exports or maps are being made already; try again shortly.",
            ) from error
        held = True

        def pass_on() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._hold_seconds, pass_on)
        try:
            yield
        finally:
            timer.cancel()
            pass_on()


class Readings:
    """Turns for reading survey files and writing what they say, in threads: two at once, the others wait in line.

    They wait long, because whoever sent a file mustn't be told to send it again; a reading ends by itself within its
    limits.
    """

    def __init__(self, at_once: int = 2, wait_seconds: float = 120.0) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._wait_seconds = wait_seconds

    async def run(self, make: Callable[[], Response]) -> Response:
        """Return what ``make`` gives, made in a thread when its turn comes; UnavailableError when it doesn't."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise UnavailableError("现在上传的人太多,请稍候再试。", "Too many uploads just now; try again.") from error
        try:
            return await run_in_threadpool(make)
        finally:
            self._free.release()


class Shares:
    """Turns for phones that come back into the network: the more of them wait, the less of a message is taken at once.

    Nobody is told to come again because of the others. What isn't taken of a message isn't in its answer, and its phone
    sends it once more; so everyone hears something soon, where one edit of each can be taken in soon.

    Parameters
    ----------
    at_once
        How many turns there are; what they write of one community is committed one after the other anyway.
    within_seconds
        In what time everyone who is there has had their turn, but for what each request costs beside its edits.
    wait_seconds
        How long a request waits for its turn before it is UnavailableError (503).
    """

    def __init__(self, at_once: int = 4, within_seconds: float = 0.8, wait_seconds: float = 60.0) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._at_once, self._within_seconds, self._wait_seconds = at_once, within_seconds, wait_seconds
        self._here = 0

    async def run(self, make: Callable[[float], Response]) -> Response:
        """Return what ``make`` gives, made in a thread in its turn; it is told for how many seconds it may go on."""
        self._here += 1
        try:
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._free.acquire()
            except TimeoutError as error:
                raise UnavailableError(
                    "现在提交的终端太多,请稍候再试。", "Too many phones just now; try again."
                ) from error
            try:
                return await run_in_threadpool(make, self._within_seconds * self._at_once / self._here)
            finally:
                self._free.release()
        finally:
            self._here -= 1
