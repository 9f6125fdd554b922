"""Kill -9 of the service, its worker and PostgreSQL in the middle of uploads: all or nothing, and once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import shapely

from gis_service.local_cluster import LocalCluster
from tests.api.killed_service import ROWS, Client, KilledService, kill_over_and_over
from tests.api.own_service import SERVICE
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY

SEED = 20261128


@pytest.fixture
def service() -> Iterator[KilledService]:
    with tempfile.TemporaryDirectory(prefix="gis-kills-") as folder:
        # The database's own user must be able to enter the folder.
        Path(folder).chmod(0o755)
        found = KilledService(Path(folder) / "data")
        found.start()
        boundary = Path(folder) / "boundary.geojson"
        boundary.write_text(
            json.dumps({"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(TEST_BOUNDARY)})
        )
        subprocess.run(
            [SERVICE, "area", "create", "--code", TEST_COMMUNITY, "--name", "测试社区", "--boundary", boundary],
            env={"GIS_DATA_DIR": str(found.data), "PATH": "/usr/bin:/bin"}, check=True, capture_output=True,
        )  # fmt: skip
        yield found
        found.stop()


def superuser(service: KilledService) -> psycopg.Connection[tuple[object, ...]]:
    url = LocalCluster(service.data).url("postgres", "gis")
    return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)


def rows_by_file(service: KilledService, table: str = "gis.waste_point") -> Counter[str]:
    with superuser(service) as conn:
        found = conn.execute(f"select split_part(code, 'r', 1), count(*) from {table} group by 1").fetchall()
    return Counter({str(name): int(str(count)) for name, count in found})


def check(service: KilledService, clients: list[Client]) -> None:
    acknowledged = [file for client in clients for file in client.acknowledged]
    stored, versions = rows_by_file(service), rows_by_file(service, "gis.waste_point_history")
    assert {file: stored[file] for file in acknowledged} == dict.fromkeys(acknowledged, ROWS)
    assert {file: count for file, count in stored.items() if count != ROWS} == {}
    assert versions == stored
    with superuser(service) as conn:
        uploads = Counter(str(name) for (name,) in conn.execute("select file_name from gis.upload").fetchall())
        jobs = conn.execute("select state, count(*) from gis.job group by 1").fetchall()
        stuck = conn.execute("select count(*) from gis.proposal where state = 'processing'").fetchone()
    assert uploads == Counter({f"{file}.csv": 1 for file in stored})
    assert {state for state, _ in jobs} <= {"done"}, jobs
    assert stuck == (0,)


def run_kills(service: KilledService, kills: int) -> str:
    begun = time.monotonic()
    stop = threading.Event()
    clients = [Client(service, f"c{number}", stop) for number in range(3)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    done = kill_over_and_over(service, kills, SEED)
    stop.set()
    for thread in threads:
        thread.join(timeout=300)
    assert not any(thread.is_alive() for thread in threads)
    service.wait_ready()
    assert {file: why for client in clients for file, why in client.given_up.items()} == {}
    check(service, clients)
    acknowledged = sum(len(client.acknowledged) for client in clients)
    assert acknowledged >= kills // 4
    return (
        f"{kills} kills {dict(done)}: {acknowledged} acknowledged, 0 missing, 0 partial, 0 doubled,"
        f" {sum(client.retried for client in clients)} requests sent again, {time.monotonic() - begun:.0f} s"
    )


@pytest.mark.long
def test_a_hundred_kills_leave_every_upload_whole_or_absent(
    service: KilledService, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run_kills(service, 100)
    with capsys.disabled():
        sys.stdout.write(f"\n{said}\n")


@pytest.mark.long
def test_the_same_kills_tear_a_writer_that_commits_row_by_row(service: KilledService) -> None:
    """The harness must be able to see: without a transaction around the file it finds partial ones."""
    stop = threading.Event()
    columns = "community, code, kind, bins, geom"

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                with superuser(service) as conn:
                    for at in range(ROWS):
                        conn.execute(
                            f"insert into gis.waste_point ({columns}) values (%s, %s, 'timed', 1,"
                            " st_setsrid(st_makepoint(121.0, 30.7), 4490))",
                            [TEST_COMMUNITY, f"torn{number}r{at}"],
                        )
            except psycopg.Error:
                time.sleep(0.2)

    writers = [threading.Thread(target=write)]
    for writer in writers:
        writer.start()
    generator = random.Random(SEED)
    torn = 0
    for _ in range(40):
        time.sleep(generator.uniform(0.2, 1.0))
        service.kill(generator)
        service.wait_ready()
        torn = sum(0 < count < ROWS for count in rows_by_file(service).values())
        if torn > 2:
            break
    stop.set()
    for writer in writers:
        writer.join(timeout=60)
    # The last file may just have been at work; the others were torn by a kill.
    assert torn > 1
