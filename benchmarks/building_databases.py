"""What the benchmarks stand on: a cluster that is thrown away, and databases full of real buildings."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas
import pandas as pd
import pyogrio
import shapely
from sqlalchemy import text

from gis_service.areas import create_area
from gis_service.database import connect, open_engine, prepare
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.people.accounts import add_account, list_accounts
from gis_service.people.logins import make_token
from gis_service.scope import Scope
from gis_service.surveys.commit import Wanted, commit_upload
from gis_service.surveys.desk import Desk, Sent
from gis_service.surveys.files.reading import JOB
from gis_service.surveys.originals import Originals

COMMUNITY = "990000000001"
SCOPE = Scope("benchmark", "operator", (COMMUNITY,))


@contextmanager
def throw_away_folder() -> Iterator[Path]:
    """Make a folder that is removed at the end, also when the benchmark fails or is ended with a signal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # By default these end the process at once, and neither cluster nor folder would be cleared away.
        signal.signal(number, lambda signum, _frame: sys.exit(128 + signum))
    folder = Path(tempfile.mkdtemp(prefix="gis-bench-"))
    try:
        # The server runs as user postgres where the benchmark runs as root.
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_cluster(data: Path, *, fast: bool = False) -> Iterator[LocalCluster]:
    """Run the cluster of a data folder; it is stopped at the end, if it didn't run before."""
    cluster = LocalCluster(data, fast=fast)
    ran = cluster.running()
    try:
        cluster.start()
        yield cluster
    finally:
        if not ran:
            cluster.stop()


def make_file(extract: Path, target: Path, rows: int | None = None) -> shapely.Geometry:
    """Write shifted copies of the extract's buildings, or each building once; return a box around them."""
    found = pyogrio.read_dataframe(extract, layer="multipolygons", columns=["osm_id", "osm_way_id", "name", "building"])
    found = found[found["building"].notna() & found.geometry.is_valid].reset_index(drop=True)
    copies = []
    for number in range(1 if rows is None else -(-rows // len(found))):
        copy = found[["name", "geometry"]].copy()
        copy["geometry"] = copy.translate(0.25 * (number % 8), 0.35 * (number // 8))
        copy["id"] = [str(uuid.uuid4()) for _ in range(len(copy))]
        copy["code"] = [f"b{number:03}-{i:05}" for i in range(len(copy))]
        copies.append(copy)
    everything = geopandas.GeoDataFrame(pd.concat(copies, ignore_index=True)[:rows], crs=4326)
    pyogrio.write_dataframe(everything[["id", "code", "name", "geometry"]], target, layer="buildings")
    return shapely.box(*everything.total_bounds).buffer(0.01)


def fresh(cluster: LocalCluster, name: str, boundary: shapely.Geometry) -> None:
    """Make a migrated database with one community in it."""
    prepare(cluster.url("postgres", "postgres"), cluster.passwords, name)
    bring_up_to_date(cluster, name)
    database = connect(cluster.url("gis_app", name))
    with database.write(SCOPE) as conn:
        create_area(conn, COMMUNITY, "基准", boundary)
    database.close()


def bring_up_to_date(cluster: LocalCluster, name: str) -> None:
    """Migrate a database to the schema of today."""
    engine = open_engine(cluster.url("gis_owner", name))
    migrate(engine)
    engine.dispose()


def login_of(cluster: LocalCluster, name: str) -> dict[str, str]:
    """Return the header with a new token of an account that has the database's community."""
    database = connect(cluster.url("gis_app", name))
    with database.write(SCOPE) as conn:
        if not list_accounts(conn, SCOPE.actor):
            add_account(conn, SCOPE.actor, "staff", SCOPE.areas)
        token = make_token(conn, SCOPE.actor, "benchmark", 1)
    database.close()
    return {"Authorization": f"Bearer {token}"}


def upload_buildings(cluster: LocalCluster, name: str, file: Path) -> tuple[float, str]:
    """Upload a file through the service; return seconds and what changed."""
    database = connect(cluster.url("gis_app", name))
    with tempfile.TemporaryDirectory() as folder, file.open("rb") as opened:
        desk = Desk(database, SCOPE, Originals(Path(folder)))
        begun = time.perf_counter()
        upload = desk.receive(COMMUNITY, Sent(opened, file.name, "building"))
        desk.work(upload, JOB)
        done = commit_upload(desk, upload, Wanted())
        seconds = time.perf_counter() - begun
    database.close()
    return seconds, str(done.changes)


def multiply_buildings(cluster: LocalCluster, name: str, copies: int) -> int:
    """Fill the layer up to so many copies of its buildings side by side; return its rows, vacuumed and analysed.

    The copies are written one after another, as communities are loaded one after another, so that neighbours on the
    ground stay neighbours in the table.
    """
    database = connect(cluster.url("gis_app", name))
    with database.write(SCOPE) as conn:
        conn.execute(text("set local statement_timeout = 0"))
        conn.execute(
            text(
                "insert into gis.building (community, code, name, geom)"
                " select b.community, 'c' || n || '-' || b.code, b.name,"
                " st_translate(b.geom, 0.25 * (n % 16), 0.35 * (n / 16))"
                " from gis.building b, generate_series(1, cast(:copies as int) - 1) n order by n, b.code"
            ),
            {"copies": copies},
        )
    database.close()
    engine = open_engine(cluster.url("postgres", name)).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("set statement_timeout = 0"))
        conn.execute(text("vacuum analyze"))
        conn.execute(text("checkpoint"))
        rows = int(conn.execute(text("select count(*) from gis.building")).scalar_one())
    engine.dispose()
    return rows
