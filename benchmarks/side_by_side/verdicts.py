"""What the service must show, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from side_by_side.comparison import Comparison
from side_by_side.growth import GROWING, Growth
from side_by_side.measuring import Stream

MAX_GROWTH = 1.6
MAX_STREAM_MB = 50.0


@dataclass(frozen=True)
class Bar:
    """The bars of one question: shares of tipg's cost, multiples of the raw SQL's, or milliseconds above it."""

    question: str
    title: str
    of_tipg: float | None = None
    of_raw: float | None = None
    above_raw_ms: float | None = None


BARS = (
    Bar("items", "items 1,000", of_tipg=1 / 5, of_raw=1.4),
    Bar("z14", "MVT z14", of_tipg=0.85, of_raw=1.3),
    Bar("z16", "MVT z16", of_tipg=0.5, of_raw=2.0),
    Bar("point", "point in polygon, filter", of_tipg=1 / 3, above_raw_ms=0.7),
    Bar("new", "point in polygon, new filter", of_tipg=1 / 3, above_raw_ms=0.7),
    Bar("at", "point in polygon, /at", of_tipg=1 / 3, above_raw_ms=0.7),
    Bar("radius", "radius 300 m", of_tipg=1 / 3, above_raw_ms=0.7),
    Bar("nearest", "10 nearest", above_raw_ms=0.7),
)
_UNCHANGED = (("unchanged14", "z14", "unchanged tile z14"), ("unchanged16", "z16", "unchanged tile z16"))


@dataclass(frozen=True)
class Verdict:
    """One bar and what was measured; ``holds`` is None where nothing was."""

    what: str
    bar: str
    measured: str
    holds: bool | None


def judge(found: Comparison) -> Iterator[Verdict]:
    """Yield the verdicts of one database."""
    for bar in BARS:
        service, raw, tipg = (found.cpu(bar.question, name) for name in ("service", "raw", "tipg"))
        if bar.of_tipg is not None:
            yield _ratio(f"{bar.title}, of tipg", bar.of_tipg, service, tipg)
        if bar.of_raw is not None:
            yield _ratio(f"{bar.title}, of the raw SQL", bar.of_raw, service, raw)
        if bar.above_raw_ms is not None:
            title, limit = f"{bar.title}, above the raw SQL", f"≤ +{bar.above_raw_ms} ms"
            if service is None or raw is None:
                yield Verdict(title, limit, "–", None)
            else:
                yield Verdict(title, limit, f"{service - raw:+.2f} ms", service - raw <= bar.above_raw_ms)
    for unchanged, cold, title in _UNCHANGED:
        yield _ratio(f"{title}, of the cold tile", 1 / 5, found.cpu(unchanged, "service"), found.cpu(cold, "service"))
    if found.streams:
        yield from _judge_streams(found.streams)


def judge_growth(found: Sequence[Comparison], grown: Growth) -> Iterator[Verdict]:
    """Yield whether the cost grows too much from the first database to the last."""
    least, most = found[0], found[-1]
    for name in GROWING:
        title = f"{name}, from {least.rows:,} to {most.rows:,} rows"
        costs = {}
        for contender in ("service", "raw"):
            first, *_, last = grown[name, contender]
            costs[contender] = (last.cpu() if last else None, first.cpu() if first else None)
        verdict = _ratio(title, MAX_GROWTH, *costs["service"])
        raw = _ratio(title, MAX_GROWTH, *costs["raw"])
        yield replace(verdict, measured=f"{verdict.measured} (raw SQL {raw.measured})")


def stream_cpu(streams: list[Stream]) -> float:
    """Return the median CPU seconds of streams of one contender."""
    ordered = sorted(stream.cpu for stream in streams)
    return ordered[len(ordered) // 2]


def stream_memory(streams: list[Stream]) -> float:
    """Return the most that a stream made the server's memory grow, in MB."""
    return max(stream.growth for stream in streams)


def _judge_streams(streams: dict[str, list[Stream]]) -> Iterator[Verdict]:
    service, raw = stream_cpu(streams["service"]), stream_cpu(streams["raw"])
    tipg = stream_cpu(streams["tipg"]) if "tipg" in streams else None
    yield _ratio("stream, of tipg", 1 / 5, service, tipg)
    yield _ratio("stream, of COPY", 1.5, service, raw)
    grown = stream_memory(streams["service"])
    yield Verdict("stream, memory", f"< {MAX_STREAM_MB:.0f} MB", f"{grown:+.0f} MB", grown < MAX_STREAM_MB)


def _ratio(what: str, most: float, value: float | None, of: float | None) -> Verdict:
    if value is None or of is None:
        return Verdict(what, f"≤ {most:.2f}", "–", None)
    return Verdict(what, f"≤ {most:.2f}", f"{value / of:.2f}", value / of <= most)
