"""Two phones with a thousand edits each, and a service that is killed while it takes them in."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY, load_sample
from gis_service.scope import Scope
from gis_service.sync.applying import Edit
from tests.api.killed_service import START_SECONDS, KilledService, until
from tests.gis_service.sync.phones import Phone, read_units
from tests.gis_service.sync.syncing import Answer, Syncing, Verdict, drawn_seed, send_again
from tests.local_client import signed_in

pytestmark = [pytest.mark.long, pytest.mark.alone]

EDITS = 1000
FIRST, SECOND = f"{COMMUNITY}003", f"{COMMUNITY}005"
KILLS = ("service", "backend", "backend", "service", "backend", "postmaster")
"""Killed in this order, again and again, as long as something is left to bring in."""


@pytest.fixture
def killed() -> Iterator[KilledService]:
    """A service on a private cluster with fsync, in which the sample is loaded."""
    folder = Path(tempfile.mkdtemp(prefix="gis-sync-kills-"))
    folder.chmod(0o755)
    service = KilledService(folder / "data")
    service.start()
    database = connect(LocalCluster(service.data).url("gis_app"))
    with database.write(Scope("test", "operator", (COMMUNITY,))) as conn:
        load_sample(conn)
    service.headers = signed_in(database)
    database.close()
    yield service
    service.stop()
    with suppress(OSError, IndexError):
        os.kill(int((service.data / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)


class Kills(threading.Thread):
    """Kills what there is of a service until it is told to stop, and starts it again."""

    def __init__(self, service: KilledService, draw: random.Random) -> None:
        super().__init__(daemon=True)
        self.service, self.draw, self.done = service, draw, Counter[str]()
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._kill_on()
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it.
            self.failure = error

    def finish(self) -> None:
        """End it; raise what went wrong, such as a service that doesn't come back."""
        self.stopping.set()
        self.join(2 * START_SECONDS)
        if self.failure is not None:
            raise self.failure
        assert not self.is_alive()

    def _kill_on(self) -> None:
        turn = 0
        while not self.stopping.wait(self.draw.uniform(0.1, 1.0)):
            kind = KILLS[turn % len(KILLS)]
            if self.service.kill(kind):
                self.done[kind] += 1
                turn += 1
            if kind == "service":
                self.service.start()
            assert until(self.service.answers, START_SECONDS), self.service.said[-3000:]


class Line:
    """The network between the phones and the service: what is sent into it may stay without an answer."""

    def __init__(self, url: str, headers: Sequence[dict[str, str]]) -> None:
        self.clients = [httpx.Client(base_url=url, headers=one, timeout=60) for one in headers]
        self.strange: list[str] = []

    def send(self, number: int, edits: Sequence[Edit]) -> dict[uuid.UUID, Answer] | None:
        """Send edits of a phone; None where no answer came, or one that tells to come again."""
        sent = {"device": f"手机 {number}", "edits": [edit.model_dump(mode="json") for edit in edits]}
        try:
            answer = self.clients[number].post("/sync", json=sent)
        except httpx.TransportError:
            time.sleep(0.1)
            return None
        if answer.status_code != 200:
            if answer.status_code != 503:
                self.strange.append(answer.text)
            time.sleep(0.1)
            return None
        return {uuid.UUID(one["id"]): (one["state"], one["problem"]) for one in answer.json()["results"]}

    def decide(self, identifier: uuid.UUID, take: str) -> bool:
        """Decide about an edit as the office does; False when that is refused."""
        answer = self.clients[-1].post(f"/sync/edits/{identifier}", json={"take": take})
        assert answer.status_code in {200, 400, 403, 404, 409}, answer.text
        return answer.status_code == 200


@pytest.mark.parametrize("areas", [(COMMUNITY, COMMUNITY), (FIRST, FIRST), (FIRST, SECOND)])
def test_kills_lose_no_edit_and_double_none(
    killed: KilledService, areas: tuple[str, str], record_property: Callable[[str, object], None]
) -> None:
    with drawn_seed() as seed:
        figures = kill_on(killed, areas, seed)
    record_property("figures", figures)
    print(figures)  # noqa: T201 - the figures are what this is for.


def kill_on(killed: KilledService, areas: tuple[str, str], seed: int) -> dict[str, object]:
    """Let both phones bring in what they did while the service is killed; return the figures."""
    begun, draw, cluster = time.monotonic(), random.Random(seed), LocalCluster(killed.data)
    superuser, database = open_engine(cluster.url("postgres")), connect(cluster.url("gis_app"))
    units = read_units(superuser, {FIRST: 3, SECOND: 2})
    roles = ["staff" if len(area) == 12 else "grid_worker" for area in areas]
    scopes = [Scope(f"phone{n}", role, (area,)) for n, (role, area) in enumerate(zip(roles, areas, strict=True))]
    phones = [Phone(scope, units, random.Random(draw.random()), superuser) for scope in scopes]
    tokens = [signed_in(database, *one.areas, role=one.role, name=one.actor) for one in scopes]
    database.close()
    line = Line(killed.url, [*tokens, killed.headers])
    syncing = Syncing(phones, line.send)
    verdict = Verdict.before(syncing, superuser)
    kills = Kills(killed, draw)
    kills.start()
    try:
        syncing.run(EDITS)
    finally:
        kills.finish()
    took = time.monotonic() - begun
    verdict.complete()
    verdict.compare()
    decided = verdict.decide_all(line.decide, draw)
    verdict.compare()
    send_again(syncing)
    verdict.compare()
    superuser.dispose()
    assert line.strange == []
    assert sum(kills.done.values()) >= 10
    assert "Traceback" not in killed.said
    return {
        "seed": seed, "edits": len(syncing.answers), "waited": sum(decided.values()), **decided, **syncing.counts,
        "kills": dict(kills.done), "seconds": round(took), "strange": len(line.strange),
    }  # fmt: skip
