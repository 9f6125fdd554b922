"""Measuring: CPU for each request in rounds that alternate, latency with several clients, and streams."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

import psycopg

from side_by_side.answers import Tally
from side_by_side.http_connection import Answer, Connection
from side_by_side.processes import Tree, watched
from side_by_side.questions import Place
from side_by_side.raw_sql import Ask
from side_by_side.servers import Server

_UNKNOWN = {400, 404, 405, 422}


class MissingError(Exception):
    """A server doesn't know the question (yet)."""


@dataclass
class Figures:
    """What one contender used for one question, one entry a round; milliseconds for each request."""

    asking: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    requests: int = 0
    size: float = 0.0

    def cpu(self) -> float:
        """Return the median over the rounds of server (or client, for SQL) and database together."""
        return statistics.median(a + b for a, b in zip(self.asking, self.database, strict=True))

    def parts(self) -> tuple[float, float]:
        """Return the medians of server (or client) and database."""
        return statistics.median(self.asking), statistics.median(self.database)

    def quantile(self, share: float) -> float:
        """Return a quantile of the latency with one client, in ms."""
        return quantile(self.latencies, share)


class Meter(Protocol):
    """What is charged with the CPU of asking."""

    def __call__(self) -> float:
        """Return the seconds used so far."""
        ...


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the others lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def http_asks(connection: Connection, server: str, path: str, blanks: Place, *, unchanged: bool = False) -> Ask:
    """Return a question to a server; an answer other than the right one ends the benchmark.

    With ``unchanged`` each place is asked for once without being measured, and then with the tag of that answer.
    """
    tags: dict[str, str] = {}
    # Digits after the place's own, a millimetre at most: more of them than the service remembers filters.
    turns = (f"{turn:03d}" for turn in cycle(range(1000)))

    def fetch(place: Place) -> Answer:
        asked = path.format_map({**blanks, **place, "turn": next(turns)})
        if not unchanged:
            return connection.get(asked)
        if asked not in tags:
            tags[asked] = connection.get(asked).headers["etag"]
        return connection.get(asked, If_None_Match=tags[asked])

    right = 304 if unchanged else 200

    def ask(place: Place) -> bytes:
        answer = fetch(place)
        if answer.status in _UNKNOWN and server == "service":
            raise MissingError(f"{path} is answered with {answer.status}")
        if answer.status != right:
            asked = path.format_map({**blanks, **place, "turn": ""})
            raise SystemExit(f"{server} answers {answer.status} to {asked}: {answer.body[:500].decode()}")
        return answer.body

    return ask


def measure_round(
    ask: Ask, places: Sequence[Place], seconds: float, asking: Meter, database: Meter, into: Figures
) -> None:
    """Ask about all places over and over, in whole passes, for at least so many seconds; note what was used.

    Whole passes over one round's places make every contender answer the same mixture, however fast it is.
    """
    latencies: list[float] = []
    size = 0
    before = database()
    used = asking()
    begun = now = time.perf_counter()
    while now - begun < seconds:
        for place in places:
            size += len(ask(place))
            then, now = now, time.perf_counter()
            latencies.append((now - then) * 1000)
    used = asking() - used
    before = database() - before
    count = len(latencies)
    into.asking.append(used / count * 1000)
    into.database.append(before / count * 1000)
    into.latencies += latencies
    into.requests += count
    into.size = size / count


@dataclass(frozen=True)
class Crowd:
    """Latency in ms and answers a second while several clients ask at once."""

    p50: float
    p95: float
    rate: float


def ask_together(
    server: Server, ask_by: Callable[[Connection], Ask], places: Sequence[Place], clients: int, seconds: float
) -> Crowd:
    """Let several clients ask at once for some seconds, each on its own connection and from its own place on."""
    latencies: list[float] = []
    failures: list[BaseException] = []
    together = threading.Barrier(clients)

    def work(number: int) -> None:
        mine: list[float] = []
        try:
            with server.connect() as connection:
                ask, at = ask_by(connection), number * 7
                ask(places[at % len(places)])
                together.wait()
                now = time.perf_counter()
                end = now + seconds
                while now < end:
                    at += 1
                    ask(places[at % len(places)])
                    then, now = now, time.perf_counter()
                    mine.append((now - then) * 1000)
        except BaseException as error:  # noqa: BLE001 - raised again where the threads are joined
            failures.append(error)
            together.abort()
        latencies.extend(mine)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Crowd(quantile(latencies, 0.5), quantile(latencies, 0.95), len(latencies) / seconds)


@dataclass(frozen=True)
class Stream:
    """What one stream of a whole layer took.

    Attributes
    ----------
    seconds, first
        Until the end, and until the first byte.
    cpu, asking
        CPU seconds of server (or client) and database together, and of the former alone.
    growth, backends
        Megabytes by which the server's resident memory rose above where it stood, and the backends' private memory.
    """

    tally: Tally
    seconds: float
    first: float
    cpu: float
    asking: float
    growth: float
    backends: float


def stream_http(server: Server, database: Tree, path: str) -> tuple[Stream, bytes]:
    """Read a whole layer from a server, counting its buildings; return the figures and how it begins."""
    server.tree.reset_peak()
    stood = server.tree.resident()
    tally, head, first = Tally(), b"", 0.0
    with server.connect(timeout=900) as connection, watched(database) as seen:
        used, backends, begun = server.tree.cpu(), database.cpu(), time.perf_counter()
        status, pieces = connection.stream(path)
        if status != 200:
            raise SystemExit(f"{server.name} answers {status} to {path}: {b''.join(pieces)[:300]!r}")
        for piece in pieces:
            first = first or time.perf_counter() - begun
            if len(head) < 20_000:
                head += piece
            tally.add(piece)
        seconds = time.perf_counter() - begun
        used, backends = server.tree.cpu() - used, database.cpu() - backends
    growth = server.tree.peak() - stood
    return Stream(tally, seconds, first, used + backends, used, growth, max(seen) - seen[0]), head


def stream_raw(conn: psycopg.Connection[Any], database: Tree, statement: bytes, *, counted: bool) -> Stream:
    """Copy a whole layer out; counting its buildings costs this process CPU, so it is left out when measuring."""
    tally, first = Tally(), 0.0
    used, backends, begun = time.process_time(), database.cpu(), time.perf_counter()
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        if counted:
            for piece in copy:
                tally.add(bytes(piece))
        else:
            for piece in copy:
                first = first or time.perf_counter() - begun
                tally.size += len(piece)
    seconds = time.perf_counter() - begun
    used = time.process_time() - used
    backends = database.cpu() - backends
    return Stream(tally, seconds, first, used + backends, used, 0.0, 0.0)
