"""Two workers who were offline: nothing that they did is lost or done twice, and all comes out as it is reckoned.

Hypothesis draws what happens to them and in which order, and makes a failure short; what they do meanwhile is drawn by
their phones from a seed of hypothesis' choice.
"""

from __future__ import annotations

import math
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, event, text

from gis_service.database import Database, connect, open_engine
from gis_service.errors import ServiceError, UnavailableError
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sync.applying import Edit
from gis_service.sync.edits import MOST, decide, take_edits
from tests.gis_service.sync.phones import Phone, read_units
from tests.gis_service.sync.syncing import PATIENCE_SECONDS, Answer, Syncing, Verdict, send_again

OFFICE = Scope("office", "staff", (COMMUNITY,))
FIRST, SECOND = f"{COMMUNITY}003", f"{COMMUNITY}005"
PAIRS = {
    "staff": (Scope("one", "staff", (COMMUNITY,)), Scope("two", "staff", (COMMUNITY,))),
    "one grid": (Scope("one", "grid_worker", (FIRST,)), Scope("two", "grid_worker", (FIRST,))),
    "two grids": (Scope("one", "grid_worker", (FIRST,)), Scope("two", "grid_worker", (SECOND,))),
    "staff and worker": (Scope("one", "staff", (COMMUNITY,)), Scope("two", "grid_worker", (SECOND,))),
}
Copies = Callable[[], AbstractContextManager[tuple[str, str]]]
"""Makes a copy of the sample for a while: its address for the application, and for the superuser."""
PHONES = st.integers(0, 1)
PLACES = st.one_of(st.just(0), st.integers(0, 10_000))
"""Where in what a phone has a message begins."""
LENGTHS = st.integers(1, MOST)

CERTAIN = (
    "refreshed", "sent", "answer lost", "sent again", "twice at once", "both at once", "crash at savepoint",
    "crash at commit",
)  # fmt: skip
"""What happens in each run of the machine."""


class Crashes:
    """Ends the connection of a message where it is told to: in the middle of it, or before its commit."""

    def __init__(self, database: Database, superuser: Engine) -> None:
        self.superuser = superuser
        self.when: str | None = None
        self.before = 0
        event.listen(database.writer, "before_cursor_execute", self._middle)
        event.listen(database.writer, "commit", lambda conn: self._perhaps(conn, "commit"))

    def _middle(self, conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("savepoint"):
            self._perhaps(conn, "savepoint")

    def _perhaps(self, conn: Any, when: str) -> None:
        if when != self.when:
            return
        if self.before:
            self.before -= 1
            return
        self.when = None
        with self.superuser.connect() as other:
            other.execute(
                text("select pg_terminate_backend(:pid, 2000)"),
                {"pid": conn.connection.driver_connection.info.backend_pid},
            )


class TwoPhones(RuleBasedStateMachine):
    """Two phones with old copies, the network that they come into now and then, and the office.

    Attributes
    ----------
    copies
        Makes the database of a run.
    pairs
        Whose phones they may be.
    pace
        How many edits either phone makes before it comes into the network, until it has made ``goal``.
    rounds
        How often at the end each thing happens for certain.
    tally
        How often which of all this happened, over all runs.
    """

    copies: ClassVar[Copies]
    pairs: ClassVar[Sequence[str]] = tuple(PAIRS)
    pace: ClassVar[int] = 1
    goal: ClassVar[int] = 0
    rounds: ClassVar[int] = 1
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.ends = ExitStack()
        self.begun = False

    @initialize(data=st.data(), seed=st.integers(0, 2**32))
    def leave(self, data: st.DataObject, seed: int) -> None:
        """Go out, each with a copy of today's rows; hypothesis' first try, in which all is zero, tells nothing."""
        assume(seed)
        pair = data.draw(st.sampled_from(self.pairs))
        address, for_superuser = self.ends.enter_context(type(self).copies())
        self.database = self.ends.enter_context(closing(connect(address)))
        self.superuser = open_engine(for_superuser)
        self.ends.callback(self.superuser.dispose)
        units = read_units(self.superuser, {FIRST: 3, SECOND: 2})
        self.phones = [
            Phone(scope, units, random.Random(f"{seed} {number}"), self.superuser)
            for number, scope in enumerate(PAIRS[pair])
        ]
        self.waiting: list[list[Edit]] = [[], []]
        self.crashes = Crashes(self.database, self.superuser)
        self.syncing = Syncing(self.phones, self._send)
        self.verdict = Verdict.before(self.syncing, self.superuser)
        self.begun = True

    @rule(number=PHONES, count=st.integers(1, 12))
    def make(self, number: int, count: int) -> None:
        """Work on, far from any network."""
        self.waiting[number] += self.phones[number].make(count)

    @rule(number=PHONES)
    def refresh(self, number: int) -> None:
        """Come into the network and copy what is there now, but send nothing."""
        self._work()
        self.phones[number].refresh()
        self.tally["refreshed"] += 1

    @rule(number=PHONES, place=PLACES, length=LENGTHS, backwards=st.booleans(), heard=st.booleans())
    def bring(self, number: int, place: int, length: int, *, backwards: bool, heard: bool) -> None:
        """Send a part of what waits, in either order; where the answer gets lost, it waits on."""
        self._work()
        self._bring(number, self._part(number, place, length)[:: -1 if backwards else 1], heard=heard)
        self.tally["sent" if heard else "answer lost"] += 1

    @rule(number=PHONES, place=PLACES, length=st.integers(1, 6))
    def bring_again(self, number: int, place: int, length: int) -> None:
        """Send old edits once more, with some that are new."""
        self._work()
        old = [edit for edit in self.phones[number].made if edit.id in self.syncing.answers]
        at = place % max(1, len(old))
        self._bring(number, [*self._part(number, place, length), *old[at : at + length]])
        self.tally["sent again"] += bool(old)

    @rule(number=PHONES, place=PLACES, length=LENGTHS)
    def bring_twice(self, number: int, place: int, length: int) -> None:
        """Send the same twice at once."""
        self._work()
        self._at_once([(number, self._part(number, place, length))] * 2)
        self.tally["twice at once"] += 1

    @rule(places=st.tuples(PLACES, PLACES), length=LENGTHS)
    def bring_both(self, places: tuple[int, int], length: int) -> None:
        """Send something from both phones at once."""
        self._work()
        self._at_once([(number, self._part(number, place, length)) for number, place in enumerate(places)])
        self.tally["both at once"] += 1

    @rule(number=PHONES, place=PLACES, length=LENGTHS, when=st.sampled_from(("savepoint", "commit")),
          before=st.integers(0, 12))  # fmt: skip
    def crash(self, number: int, place: int, length: int, when: str, before: int) -> None:
        """Send something that crashes in the middle or before its commit: nothing of it is there, and no answer."""
        self._work()
        chunk = self._part(number, place, length)
        kept = self._kept()
        self.crashes.when, self.crashes.before = when, before if when == "savepoint" else 0
        heard = self._send(number, chunk) if chunk else {}
        if self.crashes.when is None:
            assert heard is None
            assert self._kept() == kept
            self.tally[f"crash at {when}"] += 1
        elif heard:
            # There was no such place in it.
            self.crashes.when = None
            self._note(number, chunk, heard)
        self.crashes.when = None

    @rule(place=PLACES, take=st.sampled_from(("mine", "present")))
    def decide(self, place: int, take: str) -> None:
        """Let the office decide about something that waits, while more comes in."""
        # What was taken in before is reckoned before.
        self.verdict.reckon()
        waiting = list(self.verdict.expected.waiting)
        if waiting:
            done = self.verdict.decide(self._decide, waiting[place % len(waiting)], take)
            self.tally["waited"] += 1
            self.tally[f"decided on the way: {done}"] += 1

    @invariant()
    def all_that_was_taken_in_is_as_reckoned(self) -> None:
        if self.begun:
            self.verdict.reckon()

    def teardown(self) -> None:
        """Bring in what is left and compare everything, unless something has failed already."""
        try:
            if self.begun and sys.exc_info()[0] is None:
                self._finish()
        finally:
            self.ends.close()

    def _finish(self) -> None:
        for left in range(self.rounds, 0, -1):
            for number, phone in enumerate(self.phones):
                self.make(number, max(3, math.ceil((self.goal - len(phone.made)) / left)))
            self._round()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(self.waiting):
            assert time.monotonic() < deadline
            self.bring_both((0, 0), MOST)
        self.verdict.complete()
        self.verdict.compare()
        doubtful = [edit for phone in self.phones for edit in phone.made if edit.suspect]
        self.tally["doubtful"] += len(doubtful)
        self.tally["doubtful, told at once"] += sum(edit.grave for edit in doubtful)
        self.tally["waited"] += len(self.verdict.expected.waiting)
        self.tally["edits"] += len(self.syncing.answers)
        self.tally.update(self.verdict.decide_all(self._decide, self.phones[0].draw))
        self.verdict.compare()
        send_again(self.syncing)
        self.verdict.compare()
        self.tally["runs"] += 1
        assert min(len(phone.made) for phone in self.phones) >= self.goal

    def _round(self) -> None:
        """Let each thing happen once; hypothesis leaves some rules out of each run, to find more."""
        while all(edit.suspect for edit in self.waiting[0]):
            # What waits for its place alone has no middle.
            self.make(0, 1)
        self.bring(1, 0, 1, backwards=True, heard=False)
        self.crash(0, 0, len(self.waiting[0]), "savepoint", 0)
        self.crash(1, 0, MOST, "commit", 0)
        self.bring_twice(1, 0, 2)
        self.bring(0, 0, 2, backwards=False, heard=True)
        self.bring_again(0, 0, 2)
        self.decide(0, "mine")
        self.refresh(1)
        self.bring_both((0, 0), MOST // 2)

    def _work(self) -> None:
        for number, phone in enumerate(self.phones):
            count = min(self.pace, self.goal - len(phone.made)) if self.goal else self.pace
            if count > 0:
                self.make(number, count)

    def _part(self, number: int, place: int, length: int) -> list[Edit]:
        waiting = self.waiting[number]
        at = place % max(1, len(waiting))
        return [*waiting[at:], *waiting[:at]][: min(length, MOST)]

    def _send(self, number: int, chunk: Sequence[Edit]) -> dict[uuid.UUID, Answer] | None:
        try:
            outcomes = take_edits(self.database, self.phones[number].scope, COMMUNITY, chunk, "手机")
        except UnavailableError:
            return None
        assert [one.id for one in outcomes] == [one.id for one in chunk]
        return {one.id: (one.state, one.problem) for one in outcomes}

    def _bring(self, number: int, chunk: Sequence[Edit], *, heard: bool = True) -> None:
        answer = self._send(number, chunk) if chunk else None
        if answer is not None:
            self._note(number, chunk, answer, heard=heard)

    def _at_once(self, messages: Sequence[tuple[int, Sequence[Edit]]]) -> None:
        sent = [(number, chunk) for number, chunk in messages if chunk]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda one: self._send(*one), sent))
        for (number, chunk), answer in zip(sent, answers, strict=True):
            if answer is not None:
                self._note(number, chunk, answer)

    def _note(self, number: int, chunk: Sequence[Edit], answer: dict[uuid.UUID, Answer], *, heard: bool = True) -> None:
        self.syncing.note(chunk, answer)
        if heard:
            self.waiting[number] = [edit for edit in self.waiting[number] if edit.id not in answer]

    def _kept(self) -> int:
        with self.superuser.connect() as conn:
            found: int = conn.execute(text("select count(*) from gis.sync_edit")).scalar_one()
        return found

    def _decide(self, identifier: uuid.UUID, take: str) -> bool:
        try:
            return decide(self.database, OFFICE, COMMUNITY, identifier, take).state in {"settled", "dropped"}
        except ServiceError:
            return False


@pytest.fixture
def copies(cluster: LocalCluster, admin: Engine, make_database: Callable[..., str], untouched_sample: str) -> Copies:
    """Makes copies of the sample to write in; each goes with its run, of which a failure has hundreds."""

    @contextmanager
    def copy() -> Iterator[tuple[str, str]]:
        name = make_database(untouched_sample)
        yield cluster.url("gis_app", name), cluster.url("postgres", name)
        with admin.connect() as conn:
            conn.execute(text(f"drop database {name} with (force)"))

    return copy


def run(machine: type[TwoPhones], *, steps: int, examples: int, phases: Sequence[Phase] = tuple(Phase)) -> None:
    """Run a machine, and check that everything that is certain in it happened."""
    machine.tally = Counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=steps, max_examples=examples, deadline=None, print_blob=True,
            phases=phases, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    tally = machine.tally
    print(dict(tally))  # noqa: T201
    assert tally["runs"] >= examples
    assert min(tally[one] for one in CERTAIN) >= machine.rounds * tally["runs"], tally
    assert tally["edits"] / 8 < tally["waited"] < 0.9 * tally["edits"], "nearly everything was alike"


def test_no_edit_is_lost_or_done_twice(copies: Copies) -> None:
    class Small(TwoPhones):
        pass

    Small.copies = copies
    run(Small, steps=12, examples=4)


@pytest.mark.long
@pytest.mark.parametrize("pair", PAIRS)
def test_thousand_edits_of_each_phone(copies: Copies, pair: str) -> None:
    class Large(TwoPhones):
        pairs = (pair,)
        pace = 8
        goal = 1000
        rounds = 10

    Large.copies = copies
    # Made shorter, a failure would be found again and again for hours.
    run(Large, steps=100, examples=1, phases=[Phase.generate])
    assert Large.tally["edits"] >= 2000
    assert Large.tally["doubtful, told at once"] > 0
