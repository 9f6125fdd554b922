"""Kills at any moment: what was acknowledged is there whole and once, what wasn't is there whole or not at all."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from gis_service.areas import create_area
from gis_service.database import Database, connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope, settings_of
from tests.api.careful_client import HEAD, CarefulClient, Kind, Noted, SentFile, rows_of
from tests.api.killed_service import KilledService, Killer, until
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.local_client import signed_in

pytestmark = pytest.mark.alone

KILLS = {"service": 15, "pair": 5, "worker": 40, "backend": 30, "postmaster": 5}
CONTROL_KILLS = {"backend": 8, "postmaster": 2}
SMALL, PADDED, MANY = Kind(2000), Kind(2000, 2100), Kind(20_500, 150)
"""Read while the client waits; read by the worker for its 4 MB; read and written by the worker."""
OPERATOR = Scope("operator", "operator", (TEST_COMMUNITY,))


@pytest.fixture(scope="module")
def killed() -> Iterator[KilledService]:
    """A service on a private cluster with fsync, in which the test's community is registered."""
    folder = Path(tempfile.mkdtemp(prefix="gis-kills-"))
    folder.chmod(0o755)
    service = KilledService(folder / "data")
    service.start()
    database = connect(LocalCluster(service.data).url("gis_app"))
    with database.write(OPERATOR) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
    service.headers = signed_in(database)
    database.close()
    yield service
    service.stop()
    with suppress(OSError, IndexError):
        os.kill(int((service.data / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def superuser(killed: KilledService) -> Iterator[Engine]:
    """The superuser's engine on the private cluster."""
    engine = open_engine(LocalCluster(killed.data).url("postgres"))
    yield engine
    engine.dispose()


class Verdict:
    """What the database holds of the files that were sent.

    Attributes
    ----------
    missing, partial, doubled
        Names of acknowledged files of which no row is there; of files of which some rows are there, or other ones than
        were sent; and of files of which a row is there twice.
    """

    def __init__(self, superuser: Engine, sent: list[SentFile]) -> None:
        with superuser.connect() as conn:
            found = {
                row.name: row
                for row in conn.execute(
                    text(
                        "select substring(code from '^(.*)-[0-9]+$') as name, count(*) as rows,"
                        " count(distinct code) as codes, sum(bins) as bins from gis.waste_point group by 1"
                    )
                )
            }
        self.missing = [one.name for one in sent if one.acknowledged and one.name not in found]
        self.partial = [
            one.name for one in sent
            if one.name in found and (found[one.name].codes, found[one.name].bins) != (one.rows, one.bins)
        ]  # fmt: skip
        self.doubled = [one.name for one in sent if one.name in found and found[one.name].rows > found[one.name].codes]
        self.unsent = sorted(set(found) - {one.name for one in sent})


def bring_to_rest(service: KilledService, superuser: Engine) -> None:
    """Kill the service once more, start it again, and wait until nothing is left to do."""
    service.kill("service")
    service.start()

    def at_rest() -> bool:
        with superuser.connect() as conn:
            return not conn.execute(
                text(
                    "select (select count(*) from gis.job where state in ('waiting', 'running'))"
                    " + (select count(*) from gis.proposal p where state = 'processing' and not exists"
                    "  (select from gis.job j where j.subject ->> 'upload' = p.id::text and j.state = 'failed'))"
                )
            ).scalar()

    assert until(at_rest, 120), "proposals or jobs are left that nobody takes up"


def check_records(superuser: Engine, sent: list[SentFile], originals: Path) -> None:
    """Check that commits, versions, jobs and originals tell the same story as the rows."""
    with superuser.connect() as conn:
        keys = Counter(conn.execute(text("select key from gis.upload")).scalars())
        proposals = set(conn.execute(text("select id::text from gis.proposal")).scalars())
        rows = conn.execute(text("select count(*), sum(version) from gis.waste_point")).one()
        versions = conn.execute(text("select count(*), count(distinct id) from gis.waste_point_history")).one()
        added = conn.execute(text("select sum(added), sum(changed + moved + removed) from gis.upload")).one()
        jobs = conn.execute(text("select state, problem from gis.job")).all()
    assert [one.name for one in sent if one.acknowledged and keys[f"commit {one.name}"] != 1] == []
    assert max(keys.values()) == 1
    assert rows[0] == rows[1] == versions[0] == versions[1] == added[0]
    assert added[1] == 0
    assert {state for state, _ in jobs} <= {"done", "failed"}
    assert all(problem for state, problem in jobs if state == "failed")
    kept = {path.stem for path in originals.iterdir() if path.suffix != ".part"}
    assert proposals <= kept, "a proposal has lost its file"


@pytest.mark.long
def test_hundred_kills_lose_nothing_halve_nothing_double_nothing(
    killed: KilledService, superuser: Engine, record_property: Callable[[str, object], None]
) -> None:
    begun = time.monotonic()
    noted, stopping = Noted(), threading.Event()
    kinds = ([SMALL], [PADDED], [PADDED], [SMALL, MANY, PADDED])
    clients = [
        CarefulClient(killed.url, killed.headers, number, list(kinds[number]), noted, stopping, give_up=0.15)
        for number in range(len(kinds))
    ]
    for client in clients:
        client.start()
    try:
        kills = Killer(killed, noted).kill_all(KILLS)
    finally:
        stopping.set()
    for client in clients:
        client.join(timeout=200)
        if client.failure is not None:
            raise client.failure
        assert not client.is_alive()
    bring_to_rest(killed, superuser)
    verdict = Verdict(superuser, noted.sent)
    acknowledged = sum(one.acknowledged for one in noted.sent)
    figures = {
        "kills": dict(kills), "files": len(noted.sent), "acknowledged": acknowledged, "missing": len(verdict.missing),
        "partial": len(verdict.partial), "doubled": len(verdict.doubled), **noted.counts,
        "rows acknowledged": sum(one.rows for one in noted.sent if one.acknowledged),
        "parts left": len(list((killed.data / "uploads").glob("*.part"))),
        "tracebacks": killed.said.count("Traceback"), "strange": len(noted.strange),
        "seconds": round(time.monotonic() - begun),
    }  # fmt: skip
    record_property("figures", figures)
    print(figures)  # noqa: T201 - the figures are what this is for.
    assert (verdict.missing, verdict.partial, verdict.doubled, verdict.unsent) == ([], [], [], [])
    check_records(superuser, noted.sent, killed.data / "uploads")
    assert acknowledged >= 30
    # Whatever dies, clients hear 503 or nothing; never that the service is broken or their request is wrong.
    assert noted.strange == []
    assert "Traceback" not in killed.said


@pytest.mark.long
@pytest.mark.usefixtures("area")
def test_file_that_a_killed_service_was_reading_is_read_at_its_next_start(
    cluster: LocalCluster, database_name: str, database: Database, tmp_path: Path
) -> None:
    service = KilledService(tmp_path / "data", GIS_DATABASE_URL=cluster.url("gis_app", database_name))
    rows = rows_of("k", 300, random.Random(1))
    lines = (f"{code},点,定时定点,{bins},全天,{lon},{lat}," for code, bins, lon, lat in rows)
    content = "\n".join([HEAD, *lines])
    key = {"Idempotency-Key": "once", **signed_in(database)}

    def send() -> httpx.Response:
        form = {"layer": "waste_point", "crs": "EPSG:4490"}
        files = {"file": ("k.csv", content)}
        return httpx.post(f"{service.url}/uploads", headers=key, timeout=30, files=files, data=form)

    def send_in_vain() -> None:
        with suppress(httpx.TransportError):
            send()

    def states() -> list[str]:
        with database.read(OPERATOR) as conn:
            return list(conn.execute(text("select state from gis.proposal")).scalars())

    service.start()
    try:
        client = threading.Thread(target=send_in_vain)
        client.start()
        assert until(lambda: states() == ["processing"], 20)
        service.kill("service")
        client.join(20)
        service.start()
        assert until(lambda: states() == ["proposed"], 20)
        document = send().json()
        for _ in range(2):
            done = httpx.post(f"{service.url}/uploads/{document['id']}/commit", headers=key, timeout=30)
            assert done.json()["upload"]["counts"]["added"] == len(rows)
    finally:
        service.stop()
    with database.read(OPERATOR) as conn:
        assert conn.execute(text("select count(*) from gis.waste_point")).scalar() == len(rows)
        assert conn.execute(text("select count(*) from gis.upload where layer = 'waste_point'")).scalar() == 1


class Autocommitter(threading.Thread):
    """The negative control: a writer that commits every hundred rows and calls a file written at its end."""

    def __init__(self, url: str, number: int, noted: Noted, stopping: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._number, self._noted, self._stopping = url, number, noted, stopping

    def run(self) -> None:
        draw, turn = random.Random(self._number), 0
        while not self._stopping.is_set():
            name = f"a{self._number}-{turn}"
            rows = rows_of(name, SMALL.rows, draw)
            written = self._write(rows)
            self._noted.sent.append(SentFile(name, SMALL.rows, sum(row[1] for row in rows), written))
            turn += 1

    def _write(self, rows: list[tuple[str, int, float, float]]) -> bool:
        engine = open_engine(self._url).execution_options(isolation_level="AUTOCOMMIT")
        self._noted.busy[self._number] = "commit"
        try:
            with engine.connect() as conn:
                conn.execute(text(
                    "select set_config('gis.scope', :areas, false), set_config('gis.communities', :communities, false)"
                ), settings_of(OPERATOR))  # fmt: skip
                for first in range(0, len(rows), 100):
                    batch = rows[first : first + 100]
                    conn.execute(_INSERT, {"community": TEST_COMMUNITY, "rows": orjson.dumps(batch).decode()})
        except DBAPIError:
            time.sleep(0.2)
            return False
        else:
            return True
        finally:
            self._noted.busy[self._number] = ""
            engine.dispose()


_INSERT = text(
    "insert into gis.waste_point (community, code, kind, bins, geom) select :community, r ->> 0, 'timed',"
    " (r ->> 1)::integer, st_setsrid(st_makepoint((r ->> 2)::float8, (r ->> 3)::float8), 4490)"
    " from jsonb_array_elements(cast(:rows as jsonb)) r"
)


@pytest.mark.long
def test_same_kills_halve_files_of_a_writer_in_autocommit(
    killed: KilledService, superuser: Engine, record_property: Callable[[str, object], None]
) -> None:
    begun = time.monotonic()
    noted, stopping = Noted(), threading.Event()
    url = LocalCluster(killed.data).url("gis_app")
    writers = [Autocommitter(url, number, noted, stopping) for number in range(3)]
    for writer in writers:
        writer.start()
    kills = Killer(killed, noted).kill_all(CONTROL_KILLS)
    stopping.set()
    for writer in writers:
        writer.join(timeout=60)
    # The last kill may have been the database's.
    assert until(killed.answers, 120)
    verdict = Verdict(superuser, noted.sent)
    figures = {
        "kills": dict(kills), "files": len(noted.sent), "acknowledged": sum(one.acknowledged for one in noted.sent),
        "missing": len(verdict.missing), "partial": len(verdict.partial), "doubled": len(verdict.doubled),
        "seconds": round(time.monotonic() - begun),
    }  # fmt: skip
    record_property("figures", figures)
    print(figures)  # noqa: T201 - the figures are what this is for.
    assert len(verdict.partial) >= 1
    assert verdict.missing == []
