"""The whole disaster, 200,000 rows: a service that backs itself up, kill -9, the disk gone, and back within minutes.

Long: the log is sealed away once a minute, and several minutes must pass before it is known what a kill costs.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from gis_service.areas import create_area
from gis_service.backups.check import try_backup
from gis_service.backups.sealing import make_key, read_key
from gis_service.backups.state import digest_of_catalogue, read_tables
from gis_service.backups.store import Store, TableState
from gis_service.database import connect, open_engine
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.people.audit import verify
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.api.killed_service import SERVICE, KilledService, until
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.example_rows import example_record, example_shape

pytestmark = [pytest.mark.long, pytest.mark.alone]

STAFF = Scope("li", "staff", (TEST_COMMUNITY,))
ROWS = 200_000
RTO_S = RPO_S = 300.0


def say(words: str) -> None:
    sys.stderr.write(words + "\n")


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gis-t-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def state_of(cluster: LocalCluster) -> tuple[dict[str, TableState], str]:
    engine = open_engine(cluster.url("postgres"))
    with engine.begin() as conn:
        conn.execute(text("set local statement_timeout = 0"))
        found = read_tables(conn), digest_of_catalogue(conn)
    engine.dispose()
    return found


class Diary(threading.Thread):
    """Somebody who writes the time into a feature four times a second, until the service is gone."""

    def __init__(self, cluster: LocalCluster) -> None:
        super().__init__(daemon=True)
        self._cluster = cluster

    def run(self) -> None:
        database = connect(self._cluster.url("gis_app"))
        try:
            while True:
                with database.write(STAFF) as conn:
                    conn.execute(text("update gis.waste_point set remark = :v where code = 'W1'"),
                                 {"v": datetime.now(UTC).isoformat()})  # fmt: skip
                time.sleep(0.25)
        except Exception:  # noqa: BLE001 - the server was killed
            database.close()


def fill(cluster: LocalCluster) -> None:
    database = connect(cluster.url("gis_app"))
    with database.write(STAFF) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        conn.execute(text("set local statement_timeout = 0"))
        conn.execute(
            text(f"insert into gis.rental_unit (community, code, source, geom) select '{TEST_COMMUNITY}', 'R' || i,"
                 " 'surveyed', st_setsrid(st_makepoint(120.991 + i * 9e-8, 30.7), 4490)"
                 f" from generate_series(1, {ROWS}) i")
        )  # fmt: skip
        layer = LAYERS["waste_point"]
        put_features(
            conn, layer, TEST_COMMUNITY, [(example_record(layer, code="W1"), example_shape(layer, 121.0, 30.7))]
        )
    database.close()


def test_the_disk_is_gone_and_everything_is_back_within_minutes(place: Path) -> None:
    key, store = make_key(place / "key.txt"), Store(place / "store")
    store.folder.mkdir()
    service = KilledService(place / "data", GIS_BACKUPS=str(store.folder), GIS_BACKUP_KEY=key)
    try:
        _go_through_it(service, place, key, store)
    finally:
        service.stop()
        LocalCluster(place / "data").stop()


def _go_through_it(service: KilledService, place: Path, key: str, store: Store) -> None:
    service.start()
    cluster = LocalCluster(place / "data")
    fill(cluster)
    begun = time.monotonic()
    made = subprocess.run(
        [SERVICE, "backup", "--data", place / "data"], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "GIS_BACKUPS": str(store.folder), "GIS_BACKUP_KEY": key},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    say(f"backup of {ROWS:,} rows: {time.monotonic() - begun:.1f} s, {made.stdout.strip()}")

    for one in try_backup(store.backups()[-1], read_key(place / "key.txt"), store, say):
        say(f"restored by {one.title}: {one.rows:,} rows, {one.seconds:.1f} s, differing: {one.said}{one.remark}")
        assert one.said == []
        assert one.seconds < RTO_S

    Diary(cluster).start()
    time.sleep(random.uniform(100, 160))
    killed = datetime.now(UTC)
    assert service.kill("postmaster")
    assert service.kill("service")
    assert until(lambda: not cluster.running(), 30)
    time.sleep(3)
    for _ in range(20):
        # The processes of the dead server go on for a moment.
        shutil.rmtree(place / "data", ignore_errors=True)
    assert not (place / "data" / "postgres" / "PG_VERSION").exists()

    begun = time.monotonic()
    back = subprocess.run(
        [SERVICE, "restore", "--key-file", place / "key.txt"], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "GIS_DATA_DIR": str(place / "data"), "GIS_BACKUPS": str(store.folder)},
    )  # fmt: skip
    assert back.returncode == 0, back.stderr
    service.start()
    rto = time.monotonic() - begun
    address = cluster.url("postgres").replace("+psycopg", "")
    with psycopg.connect(address) as conn:
        rows = conn.execute("select count(*) from gis.rental_unit").fetchone()
        last = conn.execute("select remark from gis.waste_point where code = 'W1'").fetchone()
    assert rows == (ROWS,)
    assert last is not None
    rpo = (killed - datetime.fromisoformat(str(last[0]))).total_seconds()
    say(f"RTO: {rto:.1f} s until the service answered; RPO: the last {rpo:.1f} s were lost")
    assert rto < RTO_S
    assert rpo < RPO_S
    superuser = open_engine(cluster.url("postgres"))
    with superuser.begin() as conn:
        assert verify(conn, [])[1] == []
    superuser.dispose()
    tables, catalogue = state_of(cluster)
    assert catalogue == store.backups()[0].manifest.catalogue
    assert tables["rental_unit_history"].rows == ROWS
