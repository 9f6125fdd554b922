"""One database's comparison: everyone is asked the same, in turn, and must agree."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from gis_service.local_cluster import LocalCluster
from side_by_side.answers import DisagreementError, codes_of, tile_properties
from side_by_side.http_connection import Connection
from side_by_side.measuring import (
    Crowd,
    Figures,
    Meter,
    MissingError,
    Stream,
    ask_together,
    http_asks,
    measure_round,
    stream_http,
    stream_raw,
)
from side_by_side.places import SAGITTA_M, draw_places
from side_by_side.processes import Tree, database_tree
from side_by_side.questions import QUESTIONS, RADIUS_M, SERVICE_SAMPLE, SERVICE_STREAM, TIPG_STREAM, Place, Question
from side_by_side.raw_sql import (
    Ask,
    Shape,
    codes_in_tile,
    codes_within,
    connect_raw,
    is_wound,
    properties_of,
    scoped_asks,
    stream_statement,
    superuser_asks,
)
from side_by_side.servers import Server, running_service, running_tipg

_EACH_ROUND = {"boxes": 12, "tiles14": 40, "tiles16": 40, "inside": 100, "near": 100}
"""Places that a round asks about; the next round takes the next ones."""

CLIENTS = 8


@dataclass(frozen=True)
class Plan:
    """How long to measure one database: rounds of so many seconds, latency, and streams of its whole layer."""

    rounds: int
    seconds: float
    checks: int
    crowd_seconds: float = 0.0
    streams: int = 0
    tipg_streams: int = 0


@dataclass
class Comparison:
    """What was measured in one database, by question and contender: tipg, raw, scoped (raw with scope), service."""

    rows: int
    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)
    returned: dict[str, float] = field(default_factory=dict)
    crowds: dict[str, dict[str, Crowd]] = field(default_factory=dict)
    streams: dict[str, list[Stream]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def cpu(self, question: str, contender: str) -> float | None:
        """Return the CPU of one request in ms, or None where there is no such figure."""
        found = self.figures.get(question, {}).get(contender)
        return found.cpu() if found else None


@dataclass(frozen=True)
class _Field:
    """Everyone who takes part, ready to be asked."""

    tipg: Server
    service: Server
    database: Tree
    raw: psycopg.Connection[Any]
    scoped: psycopg.Connection[Any]
    shape: Shape
    places: dict[str, list[Place]]

    def blanks(self, rows: int) -> Place:
        """Return the blanks of addresses that are the same everywhere."""
        return {
            "properties": ",".join(self.shape.properties),
            "tile_properties": ",".join(self.shape.tile_properties),
            "rows": rows,
        }


def compare(cluster: LocalCluster, database: str, python: Path, logs: Path, plan: Plan) -> Comparison:
    """Run both servers on a database, check that all agree, and measure."""
    with ExitStack() as stack:
        raw = stack.enter_context(closing(connect_raw(cluster, database)))
        scoped = stack.enter_context(closing(connect_raw(cluster, database, "gis_app")))
        counted = raw.execute("select count(*) from gis.building").fetchone()
        result = Comparison(int(counted[0]) if counted else 0)
        places = draw_places(raw)
        tipg = stack.enter_context(running_tipg(python, cluster, database, logs, result.rows))
        service = stack.enter_context(running_service(cluster, database, logs))
        shape = learn_shape(service, places, wound=is_wound(raw))
        taking_part = _Field(tipg, service, database_tree(cluster), raw, scoped, shape, places)
        _measure_questions(taking_part, plan, result, stack)
        if plan.crowd_seconds:
            _measure_crowds(taking_part, plan, result)
        if plan.streams:
            _measure_streams(taking_part, plan, result)
        return result


def learn_shape(service: Server, places: dict[str, list[Place]], *, wound: bool) -> Shape:
    """Learn from this service's answers what everyone is to answer."""
    tile_path = next(question.service for question in QUESTIONS if question.name == "z14")
    with service.connect() as connection:
        page = json.loads(http_asks(connection, "service", SERVICE_SAMPLE, {})({}))
        tile = http_asks(connection, "service", tile_path, {})(places["tiles14"][0])
    names = properties_of(json.dumps(page["features"][0]))
    return Shape(names, tile_properties(tile), matched="numberMatched" in page, wound=wound)


def _asks(taking_part: _Field, question: Question, rows: int, stack: ExitStack) -> dict[str, tuple[Ask, Meter]]:
    """Return who can be asked this, with what is charged for asking; the database is charged beside."""
    blanks = taking_part.blanks(rows)
    asks: dict[str, tuple[Ask, Meter]] = {}
    for server, path in ((taking_part.tipg, question.tipg), (taking_part.service, question.service)):
        if path is not None:
            connection = stack.enter_context(server.connect())
            ask = http_asks(connection, server.name, path, blanks, unchanged=question.unchanged)
            asks[server.name] = (ask, server.tree.cpu)
    if question.raw is not None:
        asks["raw"] = (superuser_asks(taking_part.raw, taking_part.shape, question.raw), time.process_time)
        asks["scoped"] = (scoped_asks(taking_part.scoped, taking_part.shape, question.raw), time.process_time)
    return asks


def _measure_questions(taking_part: _Field, plan: Plan, result: Comparison, stack: ExitStack) -> None:
    ready: dict[str, tuple[Question, dict[str, tuple[Ask, Meter]]]] = {}
    for question in QUESTIONS:
        asks = _asks(taking_part, question, result.rows, stack)
        try:
            asks["service"][0](taking_part.places[question.places][0])
        except MissingError as error:
            result.missing.append(f"{question.title}: {error}")
            del asks["service"]
        result.returned[question.name] = _check(taking_part, question, asks, plan.checks)
        ready[question.name] = (question, asks)
        result.figures[question.name] = {name: Figures() for name in asks}
    for number in range(plan.rounds):
        for question, asks in ready.values():
            places = places_of_round(taking_part.places, question, number)
            # Each leads in its turn, so that none always finds the pages that another has fetched.
            names = sorted(asks)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                ask, meter = asks[name]
                # Once unmeasured, since a connection may have to be opened again; tags are fetched for each place.
                for place in places if question.unchanged or number == 0 else places[:1]:
                    ask(place)
                figures = result.figures[question.name][name]
                measure_round(ask, places, plan.seconds, meter, taking_part.database.cpu, figures)


def places_of_round(places: dict[str, list[Place]], question: Question, number: int) -> list[Place]:
    """Return the places that a question is put to in one round."""
    all_places, size = places[question.places], _EACH_ROUND[question.places]
    start = number * size % len(all_places)
    return (all_places[start:] + all_places[:start])[:size]


def _check(taking_part: _Field, question: Question, asks: dict[str, tuple[Ask, Meter]], checks: int) -> float:
    """Ask everyone about the first places and compare the buildings that they name; return their mean number."""
    found = 0
    for place in taking_part.places[question.places][:checks]:
        bodies = {name: ask(place) for name, (ask, _) in asks.items()}
        if question.raw is None:
            continue
        codes = {name: codes_of(body, tile=question.raw == "tile") for name, body in bodies.items()}
        found += len(codes["raw"])
        _compare_codes(taking_part.raw, question, place, codes)
    return found / checks


def _compare_codes(
    conn: psycopg.Connection[Any], question: Question, place: Place, codes: dict[str, list[str]]
) -> None:
    """Raise unless everyone named the same buildings, in the same order where there is one."""
    raw, ordered = codes["raw"], question.raw in {"items", "nearest"}
    same: Callable[[list[str]], list[str]] = list if ordered else sorted
    for name in {"service", "scoped"} & set(codes):
        if not raw or same(codes[name]) != same(raw):
            raise DisagreementError(_difference(question, place, name, codes[name], raw))
    if "tipg" not in codes:
        return
    least, most = set(raw), set(raw)
    if question.raw == "tile":
        # It leaves out buildings that lie in the tile's buffer only.
        least &= codes_in_tile(conn, place)
    if question.raw == "radius":
        # Its polygon of 32 corners falls short of the circle by this much.
        least &= codes_within(conn, place, RADIUS_M - SAGITTA_M - 0.1)
        most |= codes_within(conn, place, RADIUS_M + 0.1)
    given = codes["tipg"]
    if not least <= set(given) <= most or (ordered and given != raw) or len(given) != len(set(given)):
        raise DisagreementError(_difference(question, place, "tipg", given, raw))


def _difference(question: Question, place: Place, name: str, given: list[str], raw: list[str]) -> str:
    lacking, further = sorted(set(raw) - set(given)), sorted(set(given) - set(raw))
    return (
        f"{question.title} at {place}: {name} names {len(given)} buildings, the raw SQL {len(raw)}"
        f" (lacking {lacking[:5]}, further {further[:5]})"
    )


def _measure_crowds(taking_part: _Field, plan: Plan, result: Comparison) -> None:
    """Let several clients ask each server at once, about the places of the first round."""
    blanks = taking_part.blanks(result.rows)
    for question in QUESTIONS:
        places = taking_part.places[question.places][: _EACH_ROUND[question.places]]
        crowds = result.crowds.setdefault(question.name, {})
        for server, path in ((taking_part.tipg, question.tipg), (taking_part.service, question.service)):
            if server.name in result.figures[question.name] and path is not None and not question.unchanged:
                asks_by = _asks_by(server.name, path, blanks)
                crowds[server.name] = ask_together(server, asks_by, places, CLIENTS, plan.crowd_seconds)


def _asks_by(server: str, path: str, blanks: Place) -> Callable[[Connection], Ask]:
    return lambda connection: http_asks(connection, server, path, blanks)


def _measure_streams(taking_part: _Field, plan: Plan, result: Comparison) -> None:
    """Stream the whole layer from everyone; what was read must be the same buildings."""
    opening, head = stream_http(taking_part.service, taking_part.database, SERVICE_STREAM)
    streamed = head.decode(errors="ignore").partition('"features":[')[2]
    first, _ = json.JSONDecoder().raw_decode(streamed)
    nulls = len(first["properties"]) == len(taking_part.shape.properties)
    statement = stream_statement(taking_part.shape, nulls=nulls)
    truth = stream_raw(taking_part.raw, taking_part.database, statement, counted=True).tally
    if truth.rows != result.rows:
        raise DisagreementError(f"the raw stream holds {truth.rows} buildings of {result.rows}")
    tipg_path = TIPG_STREAM.format_map(taking_part.blanks(result.rows))
    # Memory once taken isn't given back, so it is the first stream that tells what one needs.
    for name, stream in chain([("service", opening)], _streams(taking_part, plan, statement, tipg_path)):
        tally = stream.tally
        # The measured raw stream isn't counted, so its bytes stand for it.
        same = (
            tally.size == truth.size if name == "raw" else (tally.rows, tally.checksum) == (result.rows, truth.checksum)
        )
        if not same:
            raise DisagreementError(f"the stream of {name} holds {tally}, the raw one {truth}")
        result.streams.setdefault(name, []).append(stream)


def _streams(taking_part: _Field, plan: Plan, statement: bytes, tipg_path: str) -> Iterator[tuple[str, Stream]]:
    for number in range(max(plan.streams, plan.tipg_streams)):
        if number < plan.streams:
            yield "raw", stream_raw(taking_part.raw, taking_part.database, statement, counted=False)
            yield "service", stream_http(taking_part.service, taking_part.database, SERVICE_STREAM)[0]
        if number < plan.tipg_streams:
            yield "tipg", stream_http(taking_part.tipg, taking_part.database, tipg_path)[0]
