"""Upload of 100,000 real polygons through the command's own path, beside ogr2ogr with COPY in the same run.

    python benchmarks/upload.py LIECHTENSTEIN.osm.pbf [ROWS]

Makes a GeoPackage of shifted copies of the extract's buildings, and two fresh databases on a throw-away cluster:
one filled by the service's upload (read in the fenced child, validated row by row, compared, merged, with history
and grid), one by ogr2ogr with COPY as the tables' owner into the same table with the same keys, checks, indexes and
triggers; then ogr2ogr into a bare table. Prints seconds, ratios and the memory the upload took.
Needs ogr2ogr (Debian: gdal-bin).
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from building_databases import COMMUNITY, fresh, make_file, running_cluster, throw_away_folder, upload_buildings
from sqlalchemy import text

from gis_service.database import open_engine
from gis_service.local_cluster import LocalCluster

_DEFAULTS = """
select attname, case attname when 'version' then '1' when 'recorded_at' then '''2026-01-01T00:00:00Z'''
    when 'recorded_by' then '''benchmark''' when 'upload' then '''00000000-0000-4000-8000-000000000001'''
    else replace(pg_get_expr(adbin, adrelid), '::text', '') end
from pg_attribute join pg_attrdef on adrelid = attrelid and adnum = attnum
where attrelid = 'gis.building'::regclass and attname <> 'id'"""


def by_service(cluster: LocalCluster, name: str, file: Path) -> float:
    """Upload through the service; return seconds."""
    seconds, changes = upload_buildings(cluster, name, file)
    print(f"  service {seconds:6.2f} s  {changes}")
    return seconds


def by_ogr2ogr(cluster: LocalCluster, name: str, file: Path, rows: int, *, bare: bool) -> float:
    """Load with ogr2ogr and COPY as the owner of the tables; return seconds."""
    engine = open_engine(cluster.url("gis_owner", name))
    folder = cluster.url("gis_owner", name).rpartition("host=")[2]
    target = "gis.bare" if bare else "gis.building"
    with engine.begin() as conn:
        if bare:
            conn.execute(text("create table gis.bare (id uuid, community text, code text, name text, geom geometry)"))
        # ogr2ogr falls back to one INSERT a row (126 s) unless every column with a default is given.
        given = conn.execute(text(_DEFAULTS)).all() if not bare else []
    constants = "".join(f", {value} as {column}" for column, value in given)
    begun = time.perf_counter()
    subprocess.run(
        [
            "ogr2ogr", "-append", "-f", "PostgreSQL",
            f"PG:host={folder} dbname={name} user=gis_owner password={cluster.passwords['gis_owner']}",
            str(file), "-nln", target, "-nlt", "MULTIPOLYGON", "-a_srs", "EPSG:4490", "-dialect", "OGRSQL",
            "-sql", f"select id, code, name, '{COMMUNITY}' as community{constants} from buildings",
            "--config", "PG_USE_COPY", "YES", "-gt", "unlimited", "-lco", "GEOMETRY_NAME=geom",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    with engine.begin() as conn:
        count = conn.execute(text(f"select count(*) from {target}")).scalar()
        if not bare:
            versions = conn.execute(text("select count(*) from gis.building_history")).scalar()
            print(f"  ogr2ogr {seconds:6.2f} s  {count} rows, {versions} versions in history")
    if count != rows:
        raise SystemExit(f"ogr2ogr wrote {count} rows")
    engine.dispose()
    return seconds


def memory_watch(stop: threading.Event, seen: list[int]) -> None:
    """Note this process's resident memory, in kB, ten times a second."""
    while not stop.wait(0.1):
        fields = Path("/proc/self/status").read_text(encoding="utf-8").split("VmRSS:")[1].split()
        seen.append(int(fields[0]))


def main() -> None:
    """Run three rounds and print the medians."""
    extract, rows = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    times: dict[str, list[float]] = {"service": [], "ogr2ogr": [], "bare": []}
    stop, seen = threading.Event(), []
    with throw_away_folder() as folder, running_cluster(folder / "data") as cluster:
        file = folder / "buildings.gpkg"
        boundary = make_file(extract, file, rows)
        for number in range(3):
            for kind in times:
                fresh(cluster, f"{kind}{number}", boundary)
            if number == 2:
                threading.Thread(target=memory_watch, args=(stop, seen), daemon=True).start()
            times["service"].append(by_service(cluster, f"service{number}", file))
            stop.set()
            times["ogr2ogr"].append(by_ogr2ogr(cluster, f"ogr2ogr{number}", file, rows, bare=False))
            times["bare"].append(by_ogr2ogr(cluster, f"bare{number}", file, rows, bare=True))
            stop.clear()
    median = {kind: statistics.median(values) for kind, values in times.items()}
    print(f"{rows:,} polygons, medians of 3: " + ", ".join(f"{kind} {value:.2f} s" for kind, value in median.items()))
    print(f"speed of the service / ogr2ogr into the same table: {median['ogr2ogr'] / median['service']:.2f}")
    print(f"speed of the service / ogr2ogr into a bare table:   {median['bare'] / median['service']:.2f}")
    spread = np.array(seen) / 1024
    print(f"memory of the service: {spread.min():.0f} to {spread.max():.0f} MB during the upload")
    print(f"peak with making the file: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
