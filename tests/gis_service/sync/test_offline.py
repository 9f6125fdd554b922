"""Two workers who were offline: nothing that they did is lost or done twice, and all comes out as it is reckoned."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from gis_service.database import Database, connect, open_engine
from gis_service.errors import ServiceError, UnavailableError
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sync.applying import Edit
from gis_service.sync.edits import decide, take_edits
from tests.gis_service.sync.phones import Phone, read_units
from tests.gis_service.sync.syncing import Answer, Syncing, Verdict, drawn_seed, send_again

OFFICE = Scope("office", "staff", (COMMUNITY,))
FIRST, SECOND = f"{COMMUNITY}003", f"{COMMUNITY}005"
PAIRS = {
    "staff": (Scope("one", "staff", (COMMUNITY,)), Scope("two", "staff", (COMMUNITY,))),
    "one grid": (Scope("one", "grid_worker", (FIRST,)), Scope("two", "grid_worker", (FIRST,))),
    "two grids": (Scope("one", "grid_worker", (FIRST,)), Scope("two", "grid_worker", (SECOND,))),
    "staff and worker": (Scope("one", "staff", (COMMUNITY,)), Scope("two", "grid_worker", (SECOND,))),
}


@pytest.fixture
def own(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str
) -> Iterator[tuple[Database, Engine]]:
    """A copy of the sample to write in, and its superuser."""
    name = make_database(untouched_sample)
    database, engine = connect(cluster.url("gis_app", name)), open_engine(cluster.url("postgres", name))
    yield database, engine
    database.close()
    engine.dispose()


class Crashes:
    """Ends connections in the middle of a message, and between what is written and the commit.

    One of either kind is certain, early on: the others are drawn.
    """

    def __init__(self, database: Database, superuser: Engine, seed: int, share: float) -> None:
        self.draw, self.superuser, self.share = random.Random(seed), superuser, share
        self.done = {"savepoint": 0, "commit": 0}
        self.certain = {"savepoint": self.draw.randrange(20), "commit": self.draw.randrange(5)}
        self.turns = {when: itertools.count() for when in self.done}
        event.listen(database.writer, "before_cursor_execute", self._before)
        event.listen(database.writer, "commit", lambda conn: self._perhaps(conn, "commit", self.share))

    def _before(self, conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("savepoint"):
            self._perhaps(conn, "savepoint", self.share / 6)

    def _perhaps(self, conn: Any, when: str, share: float) -> None:
        if share == 0 or (next(self.turns[when]) != self.certain[when] and self.draw.random() >= share):
            return
        with self.superuser.connect() as other:
            other.execute(
                text("select pg_terminate_backend(:pid, 2000)"),
                {"pid": conn.connection.driver_connection.info.backend_pid},
            )
        self.done[when] += 1


@pytest.mark.parametrize("pair", PAIRS)
def test_no_edit_is_lost_or_done_twice(own: tuple[Database, Engine], pair: str) -> None:
    with drawn_seed() as seed:
        prove(*own, pair, edits=40, seed=seed, crashes=0.1)


@pytest.mark.long
@pytest.mark.parametrize("pair", PAIRS)
def test_thousand_edits_of_each_phone(own: tuple[Database, Engine], pair: str) -> None:
    with drawn_seed() as seed:
        prove(*own, pair, edits=1000, seed=seed, crashes=0.05)


def prove(database: Database, superuser: Engine, pair: str, *, edits: int, seed: int, crashes: float) -> None:
    """Let both phones work and bring it in, and compare everything with what must come of it."""
    draw = random.Random(seed)
    units = read_units(superuser, {FIRST: 3, SECOND: 2})
    phones = [Phone(scope, units, random.Random(draw.random()), superuser) for scope in PAIRS[pair]]
    crash = Crashes(database, superuser, seed, crashes)

    def send(number: int, chunk: Sequence[Edit]) -> dict[uuid.UUID, Answer] | None:
        try:
            outcomes = take_edits(database, phones[number].scope, COMMUNITY, chunk, "手机")
        except UnavailableError:
            return None
        assert [one.id for one in outcomes] == [one.id for one in chunk]
        return {one.id: (one.state, one.problem) for one in outcomes}

    def decided_by_office(identifier: uuid.UUID, take: str) -> bool:
        try:
            return decide(database, OFFICE, COMMUNITY, identifier, take).state in {"settled", "dropped"}
        except ServiceError:
            return False

    syncing = Syncing(phones, send)
    verdict = Verdict.before(syncing, superuser)
    syncing.run(edits)
    crash.share = 0
    verdict.reckon()
    verdict.compare()
    waited = len(verdict.expected.waiting)
    decided = verdict.decide_all(decided_by_office, draw)
    verdict.compare()
    send_again(syncing)
    verdict.compare()
    assert edits / 4 < waited < 1.8 * edits, "nearly everything was alike"
    assert min(crash.done.values()) > 0, f"nothing crashed: {crash.done}"
    print({"edits": len(syncing.answers), "conflicts": waited, **decided, **syncing.counts, "crashes": crash.done})  # noqa: T201
