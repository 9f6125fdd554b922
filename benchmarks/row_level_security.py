"""What row-level security costs: the same bbox page and tiles as the application's role and as a superuser.

    python benchmarks/row_level_security.py LIECHTENSTEIN.osm.pbf [ROWS]

Both run the service's own queries, in turn, on one database with 52,122 real buildings; a superuser passes row-level
security by. A third asks as the application's role with the credential of a login, which every transaction checks.
Prints medians and ratios, with the LEAKPROOF mark and without it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
from building_databases import (
    SCOPE,
    fresh,
    login_of,
    make_file,
    running_cluster,
    throw_away_folder,
    upload_buildings,
)
from sqlalchemy import text

from gis_service.database import connect, open_engine
from gis_service.features.question import Question
from gis_service.features.read import page_of_features, read_page
from gis_service.features.tiles import read_tile, tile_of
from gis_service.local_cluster import LocalCluster
from gis_service.people.logins import digest_of, identify
from gis_service.reader import Reader
from gis_service.scope import Scope
from gis_service.statement import Asked, Rows
from layers.registry import LAYERS

LAYER = LAYERS["building"]
ROUNDS = 40
Ask = tuple[Asked, Callable[[Rows], int]]
"""A question, and what is told of its answer."""


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
        asked = tile_of(LAYER, SCOPE, Question(), zoom=zoom, row=row, column=column)
        return asked, lambda rows: len(read_tile(rows)) // 1000

    row, column = densest(14)
    top, bottom = (float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y / 2**14))))) for y in (row, row + 1))
    box = (column / 2**14 * 360 - 180, bottom, (column + 1) / 2**14 * 360 - 180, top)
    boxed = Question(bbox=box)

    def page(limit: int) -> Ask:
        asked = page_of_features(LAYER, SCOPE, boxed, limit=limit)
        return asked, lambda rows: read_page(rows, boxed, limit=limit).matched

    return {
        "bbox count": page(1),
        "bbox page of 1000": page(1000),
        "tile z14, kB": tile(14),
        "tile z16, kB": tile(16),
    }


async def compare(cluster: LocalCluster, name: str, asked: dict[str, Ask], login: Scope) -> None:
    """Ask every question of each in turn and print medians in milliseconds."""
    readers = {
        title: (Reader(cluster.url(role, name)), scope)
        for title, role, scope in (("app", "gis_app", SCOPE), ("login", "gis_app", login), ("super", "postgres", SCOPE))
    }
    for reader, _ in readers.values():
        await reader.open()
    for title, (question, told) in asked.items():
        times: dict[str, list[float]] = {role: [] for role in readers}
        answers = set()
        for number in range(ROUNDS):
            for role, (reader, scope) in readers.items():
                begun = time.perf_counter()
                (rows,) = await reader.ask(scope, question)
                elapsed = time.perf_counter() - begun
                answers.add(told(rows))
                if number >= 5:
                    times[role].append(elapsed * 1000)
        app, logged_in, superuser = (statistics.median(values) for values in times.values())
        print(
            f"  {title:18} app {app:7.2f} ms  with a login {logged_in:7.2f} ms  superuser {superuser:7.2f} ms"
            f"  ratios {app / superuser:.2f} {logged_in / superuser:.2f}  {answers}"
        )
    for reader, _ in readers.values():
        await reader.close()


def main() -> None:
    """Fill one database and compare with and without the mark."""
    extract, rows = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 52_122
    with throw_away_folder() as folder, running_cluster(folder / "data") as cluster:
        file = folder / "buildings.gpkg"
        boundary = make_file(extract, file, rows)
        fresh(cluster, "rls", boundary)
        upload_buildings(cluster, "rls", file)
        token = login_of(cluster, "rls")["Authorization"].removeprefix("Bearer ")
        database = connect(cluster.url("gis_app", "rls"))
        identity = identify(database, digest_of(token))
        database.close()
        if identity is None:
            raise RuntimeError("the login that was just made gives nothing")
        login = identity.scope
        engine = open_engine(cluster.url("postgres", "rls")).execution_options(isolation_level="AUTOCOMMIT")
        for mark in ("leakproof", "not leakproof"):
            with engine.connect() as conn:
                conn.execute(text("vacuum analyze gis.building"))
                conn.execute(text(f"alter function geometry_overlaps(geometry, geometry) {mark}"))
            print(f"{rows:,} rows, geometry_overlaps {mark}:")
            asyncio.run(compare(cluster, "rls", questions(file), login))
        engine.dispose()


if __name__ == "__main__":
    main()
