"""The spatial API beside tipg and beside the raw SQL it needs: CPU, latency and memory, in one run.

    python benchmarks/spatial_api.py LIECHTENSTEIN.osm.pbf [--quick] [--sizes s,m,l] [--out FOLDER]

Makes a throw-away cluster with three databases of 3,723, 52,122 and 1,001,487 real buildings (each a shifted copy of
the extract's), starts tipg and this service on the same database, asks both and a plain connection the same questions
in turn, checks that all name the same buildings, and writes a dated page of tables with a plot. A full run takes a
quarter of an hour, ``--quick`` two minutes. It ends with 1 when this service doesn't know a question.

tipg lives in a virtual environment of its own, made on first use; it is no dependency of this project.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import shapely
from building_databases import (
    bring_up_to_date,
    fresh,
    make_file,
    multiply_buildings,
    running_cluster,
    throw_away_folder,
    upload_buildings,
)
from side_by_side.comparison import Comparison, Plan, compare
from side_by_side.figures import draw
from side_by_side.growth import Growth, measure_growth
from side_by_side.raw_sql import connect_raw
from side_by_side.report import versions, write_report
from side_by_side.servers import tipg_python, tipg_version

from gis_service.local_cluster import LocalCluster

_RESULTS = Path(__file__).resolve().parent / "results"
COPIES = {"s": 1, "m": 14, "l": 269}
"""Databases by size; the extract has 3,723 valid buildings."""

FULL = {
    "s": Plan(rounds=3, seconds=0.9, checks=20),
    "m": Plan(rounds=5, seconds=1.0, checks=20, crowd_seconds=2.0, streams=5, tipg_streams=2),
    "l": Plan(rounds=3, seconds=0.9, checks=20, streams=2, tipg_streams=1),
}
QUICK = {
    "s": Plan(rounds=2, seconds=0.3, checks=5),
    "m": Plan(rounds=2, seconds=0.4, checks=5, crowd_seconds=0.5, streams=1, tipg_streams=1),
    "l": Plan(rounds=2, seconds=0.3, checks=5),
}


@dataclass(frozen=True)
class Options:
    """What was asked on the command line."""

    extract: Path
    sizes: tuple[str, ...]
    quick: bool
    out: Path | None
    cluster: Path | None
    tipg: Path | None


def main() -> None:
    """Fill, compare, write."""
    options = _read_options()
    python = tipg_python(options.tipg)
    plans = QUICK if options.quick else FULL
    found: list[Comparison] = []
    with ExitStack() as stack:
        folder = stack.enter_context(throw_away_folder())
        cluster = stack.enter_context(running_cluster(options.cluster or folder / "data", fast=True))
        _fill(cluster, options, folder)
        for size in options.sizes:
            begun = time.monotonic()
            found.append(compare(cluster, size, python, folder, plans[size]))
            print(f"{size}: {found[-1].rows:,} rows measured in {time.monotonic() - begun:.0f} s", flush=True)
        growth_rounds, growth_seconds = (2, 0.3) if options.quick else (5, 0.8)
        grown: Growth = {}
        if len(options.sizes) > 1:
            grown = measure_growth(cluster, options.sizes, folder, rounds=growth_rounds, seconds=growth_seconds)
        with connect_raw(cluster, options.sizes[0]) as conn:
            said = versions(conn, tipg_version(python))
    _write(options, found, grown, plans[options.sizes[-1]], said)
    missing = [line for one in found for line in one.missing]
    if missing:
        sys.exit("this service doesn't answer:\n" + "\n".join(dict.fromkeys(missing)))


def _read_options() -> Options:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extract", type=Path, help="OpenStreetMap extract of Liechtenstein")
    parser.add_argument("--sizes", default="s,m,l", help="databases to measure: s, m and l (all)")
    parser.add_argument("--quick", action="store_true", help="rough figures in two minutes, of s and m")
    parser.add_argument("--out", type=Path, help="folder for the report (benchmarks/results; none with --quick)")
    parser.add_argument("--cluster", type=Path, help="keep the cluster in this folder, and use what is in it")
    parser.add_argument("--tipg-python", type=Path, help="a Python that has tipg and uvicorn")
    given = parser.parse_args()
    sizes = tuple(given.sizes.split(","))
    if given.quick and given.sizes == parser.get_default("sizes"):
        sizes = ("s", "m")
    if not set(sizes) <= set(COPIES):
        parser.error(f"--sizes takes {', '.join(COPIES)}")
    if not given.extract.is_file():
        parser.error(f"there is no file {given.extract}")
    return Options(given.extract, sizes, given.quick, given.out, given.cluster, given.tipg_python)


def _fill(cluster: LocalCluster, options: Options, folder: Path) -> None:
    """Make the databases that aren't there; those that are get the schema of today."""
    with connect_raw(cluster, "postgres") as conn:
        there = {name for (name,) in conn.execute("select datname from pg_database")}
        # Its workers would be charged to whoever is asking.
        conn.execute("set default_transaction_read_only = off")
        conn.execute("alter system set autovacuum = off")
        conn.execute("select pg_reload_conf()")
    file = folder / "buildings.gpkg"
    west, south, east, north = make_file(options.extract, file).bounds
    boundary = shapely.box(west, south, east + 0.25 * 15, north + 0.35 * (max(COPIES.values()) // 16))
    for size in options.sizes:
        if size in there:
            bring_up_to_date(cluster, size)
            continue
        begun = time.monotonic()
        fresh(cluster, size, boundary)
        upload_buildings(cluster, size, file)
        rows = multiply_buildings(cluster, size, COPIES[size])
        print(f"{size}: {rows:,} rows loaded in {time.monotonic() - begun:.0f} s", flush=True)


def _write(options: Options, found: list[Comparison], grown: Growth, plan: Plan, said: str) -> None:
    name = f"spatial_api-{date.today().isoformat()}"  # noqa: DTZ011 - the day of whoever runs it
    page = write_report(found, grown, plan, said, f"{name}.svg", quick=options.quick)
    print(page)
    out = options.out or (None if options.quick else _RESULTS)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        middle = found[min(1, len(found) - 1)]
        (out / f"{name}.md").write_text(page, encoding="utf-8")
        picture = draw(middle, [one.rows for one in found], grown, said.partition(";")[0])
        (out / f"{name}.svg").write_text(picture, encoding="utf-8")
        print(f"written: {out / name}.md, .svg")


if __name__ == "__main__":
    main()
