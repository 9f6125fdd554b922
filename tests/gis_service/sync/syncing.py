"""Two phones that come into the network at random, with replays and lost answers; and what must be true afterwards."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from gis_service.sync.applying import Edit
from layers.flows import moves
from tests.gis_service.sync.expected import Expected, Who, is_doubtful
from tests.gis_service.sync.phones import FIELDS, Phone, is_nonsense, read_values

Answer = tuple[str, str | None]
"""What the service says of an edit: its state, and its problem."""
Send = Callable[[int, Sequence[Edit]], dict[uuid.UUID, Answer] | None]
"""Sends edits of a phone; None where no answer came."""
Decide = Callable[[uuid.UUID, str], bool]
"""Decides about an edit, ``mine`` or ``present``; False when that is refused."""
PATIENCE_SECONDS = 180.0
"""How long a phone sends one message again and again."""

_MOVES = {
    (str(move.flow), str(move.source), move.step.name, str(move.target_flow), str(move.target)) for move in moves()
}


@contextmanager
def drawn_seed() -> Iterator[int]:
    """Give the seed in ``SYNC_SEED``, else a new one; a failure says which, so that it can be drawn again."""
    seed = int(os.environ.get("SYNC_SEED") or random.randrange(2**32))
    try:
        yield seed
    except BaseException as error:
        error.add_note(f"to draw the same once more: SYNC_SEED={seed}")
        raise


@dataclass
class Syncing:
    """The phones, how they send, and what they were told.

    Attributes
    ----------
    answers
        What each edit was answered first; every later answer must be the same, until somebody decides.
    """

    phones: list[Phone]
    send: Send
    most: int = 12
    answers: dict[uuid.UUID, Answer] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, edits: int) -> None:
        """Let each phone make so many edits and bring them in, all phones at once."""
        threads = [threading.Thread(target=self._watched, args=(number, edits)) for number in range(len(self.phones))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _watched(self, number: int, edits: int) -> None:
        try:
            self._work(number, edits)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the test's own thread
            self.failures.append(error)

    def _work(self, number: int, edits: int) -> None:
        phone, waiting = self.phones[number], list[Edit]()
        draw = random.Random(phone.draw.random())
        while len(phone.made) < edits or waiting:
            if len(phone.made) < edits:
                waiting += phone.make(min(draw.randint(1, 2 * self.most), edits - len(phone.made)))
            while waiting and (draw.random() < 0.8 or len(phone.made) >= edits):
                self._bring(number, draw, waiting[: draw.randint(1, self.most)])
                waiting = [edit for edit in waiting if edit.id not in self.answers]
            if draw.random() < 0.4:
                # While the database starts again, a phone goes on with its old copy.
                with suppress(OperationalError):
                    phone.refresh()

    def _bring(self, number: int, draw: random.Random, chunk: list[Edit]) -> None:
        """Send edits until they are answered, at times twice at once, at times with old ones among them."""
        old = draw.sample(self.phones[number].made, min(3, len(self.phones[number].made)))
        sent = [*chunk, *(one for one in old if one.id in self.answers and draw.random() < 0.3)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < deadline, f"no answer to {len(sent)} edits in {PATIENCE_SECONDS:.0f} s"
            if draw.random() < 0.2:
                with ThreadPoolExecutor(2) as both:
                    heard = [one for one in both.map(lambda _: self.send(number, sent), range(2)) if one is not None]
                self.counts["twice at once"] += 1
            else:
                answer = self.send(number, sent)
                heard = [] if answer is None else [answer]
            for one in heard:
                self.note(sent, one)
            # An answer that got lost on the way is no answer.
            if heard and draw.random() < 0.9:
                return
            self.counts["sent again"] += 1

    def note(self, sent: Sequence[Edit], answer: dict[uuid.UUID, Answer]) -> None:
        """Note an answer; AssertionError where an edit was answered something else before."""
        assert set(answer) <= {edit.id for edit in sent}
        with self._lock:
            for identifier, said in answer.items():
                assert self.answers.setdefault(identifier, said) == said


def send_again(syncing: Syncing) -> None:
    """Send everything once more, in any order; what is decided by now is told as it is now."""
    for number, phone in enumerate(syncing.phones):
        again = phone.draw.sample(phone.made, len(phone.made))
        while again:
            heard = syncing.send(number, again[:50])
            assert heard
            syncing.note(again, heard)
            assert {state for state, _ in heard.values()} <= {"applied", "settled", "dropped"}
            left = [edit for edit in again if edit.id not in heard]
            assert len(left) < len(again), "what is answered isn't what was sent"
            again = left


def check_life_cycles(superuser: Engine) -> int:
    """Check that no case ever left the table of moves, without asking the database's own trigger; return the steps."""
    with superuser.connect() as conn:
        steps = conn.execute(
            text("select case_id, position, step, from_flow, from_state, to_flow, to_state from gis.case_step"
                 " order by case_id, position")
        ).all()  # fmt: skip
        states = conn.execute(
            text("select id, flow, status from gis.hazard_history where operation <> 'delete' order by id, version")
        ).all()
    made = {(row.from_flow, row.from_state, row.step, row.to_flow, row.to_state) for row in steps}
    assert made <= _MOVES
    for before, after in pairwise(steps):
        if before.case_id == after.case_id:
            assert after.position == before.position + 1
            assert (before.to_flow, before.to_state) == (after.from_flow, after.from_state)
    allowed = {(a, b, c, d) for a, b, _, c, d in _MOVES}
    for old, new in pairwise(states):
        if old.id == new.id and (old.flow, old.status) != (new.flow, new.status):
            assert (old.flow, old.status, new.flow, new.status) in allowed
    return len(steps)


@dataclass
class Verdict:
    """What the database holds, beside what must come of the edits in the order in which it took them in."""

    syncing: Syncing
    superuser: Engine
    expected: Expected
    edits: dict[uuid.UUID, tuple[Edit, Who]] = field(default_factory=dict)
    reckoned: set[uuid.UUID] = field(default_factory=set)

    @classmethod
    def before(cls, syncing: Syncing, superuser: Engine) -> Verdict:
        """Remember the units as they are before anything is sent."""
        for phone in syncing.phones:
            phone.refresh()
        units = {unit.id: unit for phone in syncing.phones for unit in phone.units}
        start = read_values(superuser, list(units.values()))
        expected = Expected(units, {one: {version: values} for one, (version, values) in start.items()}, set())
        return cls(syncing, superuser, expected)

    def complete(self) -> None:
        """Reckon as ``reckon`` does, and check that all that was made is there, once."""
        self.reckon()
        assert set(self.syncing.answers) == set(self.edits)
        with self.superuser.connect() as conn:
            kept = conn.execute(text("select id from gis.sync_edit")).scalars().all()
        assert Counter(kept) == Counter(list(self.edits)), "an edit is lost, or there twice"

    def reckon(self) -> None:
        """Reckon what must come of all that was taken in since the last time, and compare each answer with it."""
        self._remember_made()
        with self.superuser.connect() as conn:
            new = conn.execute(
                text("select id, state, problem, result from gis.sync_edit where not id = any(:reckoned)"
                     " order by received_at"),
                {"reckoned": list(self.reckoned)},
            ).all()  # fmt: skip
        for row in new:
            self.reckoned.add(row.id)
            edit, who = self.edits[row.id]
            applied = self.expected.take(edit, who)
            assert row.id in self.syncing.answers, f"nobody heard what became of {edit}"
            assert (row.state, row.problem) == self.syncing.answers[row.id]
            assert row.state == ("applied" if applied else "conflict"), (edit, row.problem)
            assert applied == (row.problem is None)
            assert "没有处理成" not in (row.problem or ""), (edit, row.problem)
            assert not is_doubtful(edit) or f"位置可疑:{edit.suspect}。" in row.problem
            clashing = tuple(one["field"] for one in row.result.get("differences", []))
            assert clashing == self.expected.waiting.get(row.id, ()), (edit, row.result)

    def _remember_made(self) -> None:
        units = list(self.expected.units.values())
        for phone in self.syncing.phones:
            grids = frozenset(unit.grid for unit in units if any(map(unit.grid.startswith, phone.scope.areas)))
            new = [edit for edit in phone.made if edit.id not in self.edits]
            self.edits |= {edit.id: (edit, Who(phone.scope.role, grids)) for edit in new}
            self.expected.nonsense |= {edit.id for edit in new if is_nonsense(edit, units)}

    def compare(self) -> None:
        """Compare the rows with what they must be: each effect there once, and nothing else."""
        now = read_values(self.superuser, list(self.expected.units.values()))
        for unit, versions in self.expected.versions.items():
            assert now[unit] == (max(versions), versions[max(versions)]), unit
            assert self._history(unit) == versions
        with self.superuser.connect() as conn:
            ours = {"ids": list(self.edits)}
            cases = {
                str(row.id): (row.grid, row.code, row.flow, row.status, row.level, row.detail)
                for row in conn.execute(text("select * from gis.hazard where id = any(:ids)"), ours)
            }
            steps: dict[str, list[str]] = {}
            for row in conn.execute(text("select case_id, id from gis.case_step order by case_id, position")):
                steps.setdefault(str(row.case_id), []).append(str(row.id))
            visits = {
                str(one) for one in conn.execute(text("select id from gis.visit where id = any(:ids)"), ours).scalars()
            }
            points = {
                row.code: str(row.id)
                for row in conn.execute(text("select code, id from gis.waste_point where code like 'SY-%'"))
            }
        wanted = self.expected.cases
        assert cases == {
            one: (case.grid, case.code, case.flow, case.status, case.level, case.detail) for one, case in wanted.items()
        }
        assert {one: steps.get(one, []) for one in wanted} == {one: case.steps for one, case in wanted.items()}
        assert visits == self.expected.visits
        assert points == self.expected.points
        check_life_cycles(self.superuser)

    def decide_all(self, decide: Decide, draw: random.Random) -> Counter[str]:
        """Decide about everything that waits, at random; return how often what came of it."""
        waiting = draw.sample(sorted(self.expected.waiting), len(self.expected.waiting))
        counts = Counter(self.decide(decide, one, draw.choice(("mine", "present"))) for one in waiting)
        with self.superuser.connect() as conn:
            assert conn.execute(text("select count(*) from gis.sync_edit where state = 'conflict'")).scalar() == 0
        return counts

    def decide(self, decide: Decide, identifier: uuid.UUID, take: str) -> str:
        """Decide about an edit that waits; what can't be written is dropped, and ``refused`` is returned."""
        done = take
        if take == "mine":
            office = Who("staff", frozenset(unit.grid for unit in self.expected.units.values()))
            written = decide(identifier, "mine")
            assert written == self.expected.decide(self.edits[identifier][0], office), self.edits[identifier]
            done = "mine" if written else "refused"
        if done != "mine":
            assert decide(identifier, "present")
            del self.expected.waiting[identifier]
        state = "settled" if done == "mine" else "dropped"
        self.syncing.answers[identifier] = (state, self.syncing.answers[identifier][1])
        return done

    def _history(self, unit: str) -> dict[int, dict[str, Any]]:
        names = (*FIELDS, "tenant_count_as_of")
        query = f"select version, {', '.join(names)} from gis.rental_unit_history where id = cast(:id as uuid)"
        with self.superuser.connect() as conn:
            rows = conn.execute(text(query), {"id": unit}).mappings().all()
        return {row["version"]: {name: row[name] for name in names} for row in rows}
