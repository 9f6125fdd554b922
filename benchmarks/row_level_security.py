"""What row-level security costs: the same bbox page and tiles as the application's role and as a superuser.

    python benchmarks/row_level_security.py LIECHTENSTEIN.osm.pbf [ROWS]

Both run the service's own queries, in turn, on one database with 52,122 real buildings; a superuser passes row-level
security by. Prints medians and ratios, with the LEAKPROOF mark and without it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
from sqlalchemy import text
from sqlalchemy.engine import Connection
from upload import COMMUNITY, SCOPE, fresh, make_file

from gis_service.database import connect, open_engine
from gis_service.features.read import count_features, read_page
from gis_service.features.select import Question
from gis_service.features.tiles import read_tile
from gis_service.local_cluster import LocalCluster
from gis_service.surveys.proposal import Reading, commit, propose
from layers.registry import LAYERS

LAYER = LAYERS["building"]
ROUNDS = 40
Ask = Callable[[Connection], object]


def questions(file: Path) -> dict[str, Ask]:
    """Return the questions, put where the buildings stand densest."""
    west, south, east, north = pyogrio.read_bounds(file)[1]
    lon, lat = (west + east) / 2, np.radians((south + north) / 2)

    def densest(zoom: int) -> tuple[int, int]:
        across = ((lon + 180) / 360 * 2**zoom).astype(int)
        down = ((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 2**zoom).astype(int)
        return Counter(zip(down.tolist(), across.tolist(), strict=True)).most_common(1)[0][0]

    def tile(zoom: int) -> Ask:
        row, column = densest(zoom)
        return lambda conn: len(read_tile(conn, LAYER, SCOPE, Question(), zoom=zoom, row=row, column=column)) // 1000

    row, column = densest(14)
    top, bottom = (float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y / 2**14))))) for y in (row, row + 1))
    box = (column / 2**14 * 360 - 180, bottom, (column + 1) / 2**14 * 360 - 180, top)
    return {
        "bbox count": lambda conn: count_features(conn, LAYER, SCOPE, Question(bbox=box)),
        "bbox page of 1000": lambda conn: read_page(conn, LAYER, SCOPE, Question(bbox=box), limit=1000).returned,
        "tile z14, kB": tile(14),
        "tile z16, kB": tile(16),
    }


def compare(cluster: LocalCluster, name: str, asked: dict[str, Ask]) -> None:
    """Ask every question of both roles in turn and print medians in milliseconds."""
    as_app = connect(cluster.url("gis_app", name))
    as_super = connect(cluster.url("postgres", name))
    for title, ask in asked.items():
        times: dict[str, list[float]] = {"app": [], "superuser": []}
        answers = set()
        for number in range(ROUNDS):
            for role, database in (("app", as_app), ("superuser", as_super)):
                with database.read(SCOPE) as conn:
                    begun = time.perf_counter()
                    answers.add(ask(conn))
                    if number >= 5:
                        times[role].append((time.perf_counter() - begun) * 1000)
        app, superuser = (statistics.median(values) for values in times.values())
        print(f"  {title:18} app {app:7.2f} ms  superuser {superuser:7.2f} ms  ratio {app / superuser:.2f}  {answers}")
    as_app.close()
    as_super.close()


def main() -> None:
    """Fill one database and compare with and without the mark."""
    extract, rows = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 52_122
    folder = Path(tempfile.mkdtemp(prefix="gis-bench-"))
    folder.chmod(0o755)
    file = folder / "buildings.gpkg"
    boundary = make_file(extract, file, rows)
    cluster = LocalCluster(folder / "data")
    cluster.start()
    try:
        fresh(cluster, "rls", boundary)
        database = connect(cluster.url("gis_app", "rls"))
        with database.write(SCOPE) as conn:
            proposal = propose(conn, LAYER, COMMUNITY, file, Reading())
            commit(conn, proposal, upload="00000000-0000-4000-8000-000000000001", key="rls", accept_valid=False)
        database.close()
        engine = open_engine(cluster.url("postgres", "rls")).execution_options(isolation_level="AUTOCOMMIT")
        for mark in ("leakproof", "not leakproof"):
            with engine.connect() as conn:
                conn.execute(text("vacuum analyze gis.building"))
                conn.execute(text(f"alter function geometry_overlaps(geometry, geometry) {mark}"))
            print(f"{rows:,} rows, geometry_overlaps {mark}:")
            compare(cluster, "rls", questions(file))
        engine.dispose()
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
