"""The report: a dated page of tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from side_by_side.comparison import CLIENTS, Comparison, Plan
from side_by_side.growth import Growth
from side_by_side.measuring import Figures, Stream
from side_by_side.questions import QUESTIONS
from side_by_side.servers import service_version
from side_by_side.verdicts import Verdict, judge, judge_growth, stream_cpu, stream_memory

_NOTES = """\
CPU is that of the server's processes and of PostgreSQL's, from /proc (for raw SQL: of this client and PostgreSQL's),
in milliseconds for each request, medians of rounds in which the contenders take turns on the same places.
All return the same buildings with the same properties; the benchmark stops where they don't.

- **tipg** runs as a role that passes row-level security by, with uvloop and httptools, on the same table.
  It has no distance: its radius is a polygon of 32 corners, unordered and without distances. It leaves out the
  buildings that lie in a tile's buffer only. It has no nearest and no entity tags.
- **raw SQL** is one statement through one psycopg connection as a superuser, without scope or policies.
  For items it counts the matches too when this service does; for radius and nearest it gives metres and bearing.
- **scope costs** is what scope and row-level security add to it: the same statement as the application's role, with
  the scope set in the transaction, standing in the query and kept by the policies, in one round trip as before.
- **this service** is `gis-service serve` in the application's role, with scope and row-level security. It remembers
  filters; since places come back within a round, one that is new each time is a row of its own. It draws tiles from
  degrees from zoom 14 on, as `gis_service/features/tiles.py` says; raw SQL transforms them, as tipg does.
"""


def versions(conn: psycopg.Connection[Any], tipg: str) -> str:
    """Return what ran, in one line."""
    found = conn.execute("select current_setting('server_version'), postgis_lib_version()").fetchone()
    postgresql, postgis = (str(part).split()[0] for part in found) if found else ("?", "?")
    return (
        f"PostgreSQL {postgresql}, PostGIS {postgis}, Python {platform.python_version()}, psycopg"
        f" {psycopg.__version__}, tipg {tipg}, this service at {service_version()}; {os.cpu_count()} cores,"
        f" {_memory_gb():.0f} GB, {platform.system()} {platform.release().split('-')[0]}"
    )


def write_report(found: Sequence[Comparison], grown: Growth, plan: Plan, said: str, plot: str, *, quick: bool) -> str:
    """Return the page as Markdown; ``plot`` is the name of the picture beside it."""
    lines = [
        f"# The spatial API beside tipg and raw SQL, {date.today().isoformat()}",  # noqa: DTZ011 - the reader's day
        "",
        f"{said}. {'A quick run: figures are rough. ' if quick else ''}Rounds of {plan.seconds:g} s.",
        "",
        _NOTES,
        f"![CPU for each request]({plot})",
        "",
    ]
    for one in found:
        lines += [f"## {one.rows:,} rows", "", *_requests(one), ""]
        lines += [*_crowds(one), ""] if one.crowds else []
        lines += [*_streams(one), ""] if one.streams else []
    if grown:
        lines += ["## From few rows to many", "", *_growth(found, grown), ""]
    lines += ["## What it must show", "", "| at | what | bar | measured | holds |", "|---|---|---|---|---|"]
    lines += [_verdict(f"{one.rows:,} rows", verdict) for one in found for verdict in judge(one)]
    if grown:
        lines += [_verdict("growth", verdict) for verdict in judge_growth(found, grown)]
    missing = dict.fromkeys(line for one in found for line in one.missing)
    if missing:
        lines += ["", "Not answered by this service:", "", *(f"- {line}" for line in missing)]
    return "\n".join([*lines, ""])


def _requests(found: Comparison) -> Iterator[str]:
    yield (
        "| request | features | kB | tipg | raw SQL | scope costs | this service | its server + database"
        " | of tipg | of raw | above raw | p50, p95 tipg | p50, p95 service |"
    )
    yield "|---|" + "---:|" * 12
    for question in QUESTIONS:
        figures = found.figures.get(question.name, {})
        tipg, raw, scoped, service = (figures.get(name) for name in ("tipg", "raw", "scoped", "service"))
        returned = found.returned.get(question.name)
        cells = [
            question.title,
            f"{returned:,.0f}" if returned else "–",
            f"{service.size / 1000:,.1f}" if service else "–",
            _cpu(tipg),
            _cpu(raw),
            f"{scoped.cpu() - raw.cpu():+.2f}" if scoped and raw else "–",
            _cpu(service),
            "{:.2f} + {:.2f}".format(*service.parts()) if service else "–",
            _of(service, tipg),
            _of(service, raw),
            f"{service.cpu() - raw.cpu():+.2f}" if service and raw else "–",
            _spread(tipg),
            _spread(service),
        ]
        yield f"| {' | '.join(cells)} |"


def _crowds(found: Comparison) -> Iterator[str]:
    yield f"With {CLIENTS} clients at once, which share the cores with the servers:"
    yield ""
    yield "| request | tipg p50, p95 ms | answers/s | this service p50, p95 ms | answers/s |"
    yield "|---|---:|---:|---:|---:|"
    for question in QUESTIONS:
        crowds = found.crowds.get(question.name, {})
        if crowds:
            cells = [
                cell
                for one in (crowds.get("tipg"), crowds.get("service"))
                for cell in ((f"{one.p50:.1f}, {one.p95:.1f}", f"{one.rate:,.0f}") if one else ("–", "–"))
            ]
            yield f"| {question.title} | {' | '.join(cells)} |"


def _streams(found: Comparison) -> Iterator[str]:
    yield f"The whole layer of {found.rows:,} features as GeoJSON:"
    yield ""
    yield "| | MB | CPU s | of that, server or client | seconds | first byte, s | server's memory | database's memory |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    titles = {"tipg": "tipg", "raw": "raw SQL (COPY)", "service": "this service"}
    for name, title in titles.items():
        streams = found.streams.get(name)
        if streams:
            one = sorted(streams, key=lambda stream: stream.cpu)[len(streams) // 2]
            memory = "–" if name == "raw" else f"{stream_memory(streams):+.0f} MB"
            backends = "–" if name == "raw" else f"{_backends(streams):+.0f} MB"
            cells = [f"{one.tally.size / 1e6:,.0f}", f"{stream_cpu(streams):.2f}", f"{one.asking:.2f}",
                     f"{one.seconds:.2f}", f"{one.first:.2f}", memory, backends]  # fmt: skip
            yield f"| {title} | {' | '.join(cells)} |"


def _growth(found: Sequence[Comparison], grown: Growth) -> Iterator[str]:
    yield "CPU in ms, the databases taking turns; the places are the same buildings, each in one of its copies."
    yield ""
    yield f"| request | | {' | '.join(f'{one.rows:,} rows' for one in found)} | last of first |"
    yield "|---|---|" + "---:|" * (len(found) + 1)
    for (name, contender), figures in grown.items():
        title = "this service" if contender == "service" else "raw SQL"
        yield f"| {name} | {title} | {' | '.join(_cpu(one) for one in figures)} | {_of(figures[-1], figures[0])} |"


def _backends(streams: list[Stream]) -> float:
    return max(stream.backends for stream in streams)


def _verdict(where: str, verdict: Verdict) -> str:
    holds = {True: "yes", False: "**no**", None: "–"}[verdict.holds]
    return f"| {where} | {verdict.what} | {verdict.bar} | {verdict.measured} | {holds} |"


def _cpu(figures: Figures | None) -> str:
    return f"{figures.cpu():.2f}" if figures else "–"


def _of(one: Figures | None, other: Figures | None) -> str:
    return f"{one.cpu() / other.cpu():.2f}" if one and other else "–"


def _spread(figures: Figures | None) -> str:
    return f"{figures.quantile(0.5):.2f}, {figures.quantile(0.95):.2f}" if figures else "–"


def _memory_gb() -> float:
    first = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    return int(first) / 1e6
