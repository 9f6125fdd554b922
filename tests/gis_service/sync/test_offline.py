"""Two workers who were offline: nothing that they did is lost or done twice, and all comes out as it is reckoned."""

from __future__ import annotations

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
from tests.gis_service.sync.expected import Who
from tests.gis_service.sync.phones import Phone, nonsense, read_units
from tests.gis_service.sync.syncing import Answer, Syncing, Verdict

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
    """Ends connections in the middle of a message, and between what is written and the commit."""

    def __init__(self, database: Database, superuser: Engine, seed: int, share: float) -> None:
        self.draw, self.superuser, self.share = random.Random(seed), superuser, share
        self.done = {"savepoint": 0, "commit": 0}
        event.listen(database.writer, "savepoint", lambda conn, _name: self._perhaps(conn, "savepoint", self.share / 6))
        event.listen(database.writer, "commit", lambda conn: self._perhaps(conn, "commit", self.share))

    def _perhaps(self, conn: Any, when: str, share: float) -> None:
        if self.draw.random() >= share:
            return
        with self.superuser.connect() as other:
            other.execute(
                text("select pg_terminate_backend(:pid, 2000)"),
                {"pid": conn.connection.driver_connection.info.backend_pid},
            )
        self.done[when] += 1


def is_nonsense(edit: Edit) -> bool:
    """Tell whether an edit is one of those that can't be written whatever happens."""
    name = str(edit.body.get("case", edit.body.get("feature", ""))).removeprefix(f"{COMMUNITY}.")
    return any(
        edit.kind == kind and {**edit.body, "x": 0} == {**body, "x": 0}
        for unit in UNITS
        for kind, body in nonsense(unit, name)
    )


UNITS: list[Any] = []


@pytest.mark.parametrize("pair", PAIRS)
def test_no_edit_is_lost_or_done_twice(own: tuple[Database, Engine], pair: str) -> None:
    prove(*own, pair, edits=60, seed=random.randrange(2**32), crashes=0.08)


@pytest.mark.long
@pytest.mark.parametrize("pair", PAIRS)
def test_thousand_edits_of_each_phone(own: tuple[Database, Engine], pair: str) -> None:
    prove(*own, pair, edits=1000, seed=random.randrange(2**32), crashes=0.05)


def prove(database: Database, superuser: Engine, pair: str, *, edits: int, seed: int, crashes: float) -> None:
    """Let both phones work and bring it in, and compare everything with what must come of it."""
    print("seed", seed)  # noqa: T201 - what failed can be drawn again.
    draw = random.Random(seed)
    UNITS[:] = read_units(superuser, {FIRST: 3, SECOND: 2})
    phones = [Phone(scope, UNITS, random.Random(draw.random()), superuser) for scope in PAIRS[pair]]
    crash = Crashes(database, superuser, seed, crashes)

    def send(number: int, chunk: Sequence[Edit]) -> dict[uuid.UUID, Answer] | None:
        try:
            outcomes = take_edits(database, phones[number].scope, COMMUNITY, chunk, "手机")
        except UnavailableError:
            return None
        assert [one.id for one in outcomes] == [one.id for one in chunk]
        return {one.id: (one.state, one.problem) for one in outcomes}

    syncing = Syncing(phones, send)
    verdict = Verdict.before(syncing, superuser)
    syncing.run(edits)
    crash.share = 0
    verdict.reckon(is_nonsense)
    verdict.compare()
    waited = len(verdict.expected.waiting)
    decided = decide_all(database, verdict, draw)
    verdict.compare()
    replay(syncing)
    verdict.compare()
    assert edits / 2 < waited < 1.5 * edits, "nearly everything was alike"
    print({"edits": len(syncing.answers), "conflicts": waited, **decided, **syncing.counts, "crashes": crash.done})  # noqa: T201


def decide_all(database: Database, verdict: Verdict, draw: random.Random) -> dict[str, int]:
    """Decide about everything that waits, at random; what can't be written is dropped."""
    office = Who("staff", frozenset(unit.grid for unit in verdict.expected.units.values()))
    counts = {"mine": 0, "present": 0, "can't": 0}
    waiting = list(verdict.expected.waiting)
    draw.shuffle(waiting)
    for identifier in waiting:
        take = draw.choice(("mine", "present"))
        if take == "mine":
            written = verdict.expected.decide(verdict.edits[identifier][0], office)
            try:
                assert decide(database, OFFICE, COMMUNITY, identifier, "mine").state == "settled"
            except ServiceError:
                assert not written
                take, counts["can't"] = "present", counts["can't"] + 1
            else:
                assert written, verdict.edits[identifier][0]
        if take == "present":
            assert decide(database, OFFICE, COMMUNITY, identifier, "present").state == "dropped"
            del verdict.expected.waiting[identifier]
        counts[take] += 1
    with verdict.superuser.connect() as conn:
        assert conn.execute(text("select count(*) from gis.sync_edit where state = 'conflict'")).scalar() == 0
    return counts


def replay(syncing: Syncing) -> None:
    """Send everything once more, in any order; what is settled by now is told as it is now."""
    for number, phone in enumerate(syncing.phones):
        again = phone.draw.sample(phone.made, len(phone.made))
        for first in range(0, len(again), 50):
            heard = syncing.send(number, again[first : first + 50])
            assert heard is not None
            assert {state for state, _ in heard.values()} <= {"applied", "settled", "dropped"}
