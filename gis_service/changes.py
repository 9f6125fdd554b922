"""Word of what was committed, as it happens: one connection that listens for the service, and whoever wants to hear.

``gis.count_versions`` (:mod:`gis_service.schema`) notifies at each commit which tables of which community it changed.
Listening needs a session of its own, so the connection is no pool's, and goes to where is written: a standby can't
notify. It begins when somebody first wants to hear, and begins again when the database was away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import AsyncConnection
from sqlalchemy.engine import make_url

from gis_service.errors import UnavailableError
from gis_service.scope import Scope
from layers.registry import LAYERS

CHANNEL: Final = "gis_changes"
APPLICATION: Final = "gis-changes"
"""Name under which the connection stands in pg_stat_activity."""
TOLD: Final = frozenset({*LAYERS, "case_step", "case_photo", "sync_edit"})
"""Tables that clients are told of; what else the service writes is no business of theirs."""
MOST_HEARERS: Final = 300
"""Streams at once: each holds a connection that is never idle, and others must find room (:mod:`api.limits`)."""
_AGAIN_S: Final = 1.0


@dataclass(frozen=True)
class News:
    """What happened since it was last asked.

    Attributes
    ----------
    changed
        Tables by community.
    listening
        From here on everything is heard; what came before must be read anew.
    ended
        Nothing more will come: the service stops.
    """

    changed: Mapping[str, frozenset[str]]
    listening: bool = False
    ended: bool = False


class Hearing:
    """One who wants to hear of the communities that their scope sees.

    What isn't fetched is gathered by community and table, so that it never grows beyond these.
    """

    def __init__(self, scope: Scope, community: str | None = None) -> None:
        self._areas = scope.areas
        self._community = community
        self._changed: dict[str, set[str]] = {}
        self._listening = self._ended = False
        self._something = asyncio.Event()

    def sees(self, community: str) -> bool:
        """Return whether any part of a community lies within the scope."""
        if self._community not in {None, community}:
            return False
        return any(community.startswith(area) or area.startswith(community) for area in self._areas)

    def tell(self, community: str, table: str) -> None:
        """Note what was changed, if it is theirs to know."""
        if self.sees(community):
            self._changed.setdefault(community, set()).add(table)
            self._something.set()

    def begin(self) -> None:
        """Note that everything is heard from here on."""
        self._listening = True
        self._something.set()

    def end(self) -> None:
        """Note that nothing more will come."""
        self._ended = True
        self._something.set()

    async def wait(self, seconds: float) -> News | None:
        """Return what happened as soon as something does; None when nothing did for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        if not self._something.is_set():
            return None
        changed = {community: frozenset(tables) for community, tables in self._changed.items()}
        news = News(changed, self._listening, self._ended)
        self._changed, self._listening = {}, False
        if not self._ended:
            self._something.clear()
        return news


class Changes:
    """Listens for a whole service and tells whoever wants to hear; lives in one event loop."""

    def __init__(self, url: str) -> None:
        target = make_url(url).set(drivername="postgresql")
        self._url = target.render_as_string(hide_password=False)
        self._hearings: set[Hearing] = set()
        self._task: asyncio.Task[None] | None = None
        self._listening = self._closed = False

    @contextmanager
    def hear(self, scope: Scope, community: str | None = None) -> Iterator[Hearing]:
        """Give a hearing for as long as the block lasts.

        Raises
        ------
        UnavailableError
            When there are too many already, or the service stops.
        """
        if self._closed or len(self._hearings) >= MOST_HEARERS:
            raise UnavailableError(
                "现在同时看实时更新的人太多;页面会每 30 秒自动刷新。", "Too many clients listen; poll instead."
            )
        hearing = Hearing(scope, community)
        self._hearings.add(hearing)
        if self._listening:
            hearing.begin()
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        try:
            yield hearing
        finally:
            self._hearings.discard(hearing)

    async def close(self) -> None:
        """Tell everyone that nothing more will come, and stop listening; a second time does nothing."""
        self._closed = True
        for hearing in self._hearings:
            hearing.end()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            # Whatever ends the connection, it is made anew; meanwhile nobody is told that all is heard.
            with suppress(psycopg.OperationalError):
                await self._listen_once()
            self._listening = False
            await asyncio.sleep(_AGAIN_S)

    async def _listen_once(self) -> None:
        conn = await AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=5, application_name=APPLICATION, keepalives_idle=30,
            keepalives_interval=10, keepalives_count=3,
        )  # fmt: skip
        async with conn:
            await conn.execute(f"listen {CHANNEL}")
            self._listening = True
            for hearing in self._hearings:
                hearing.begin()
            async for notice in conn.notifies():
                community, _, table = notice.payload.partition(" ")
                if table in TOLD:
                    for hearing in self._hearings:
                        hearing.tell(community, table)
