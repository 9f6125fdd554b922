"""What the service measures of itself, for Prometheus; nothing in it names a person or what was asked."""

from __future__ import annotations

import math
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
_NO_ROUTE = "none"


class Metrics:
    """The measures of one application, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "gis_requests", "Requests that were answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "gis_request_seconds", "Time until an answer was sent.", ("route",), buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._known: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}
        self._jobs = Gauge("gis_jobs_unfinished", "Jobs that wait or are being worked on.", registry=self._registry)

    def watch_backups(self, age: Callable[[], float | None]) -> None:
        """Show how old the newest backup is, in seconds; not a number without one."""
        gauge = Gauge("gis_backup_age_seconds", "Age of the newest backup.", registry=self._registry)
        gauge.set_function(lambda: math.nan if (seconds := age()) is None else seconds)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answered request; ``route`` is its template, so that labels stay few and tell nothing."""
        found = self._known.get((method, route, status))
        if found is None:
            name = route or _NO_ROUTE
            found = self._requests.labels(method, name, str(status)), self._seconds.labels(name)
            self._known[method, route, status] = found
        counter, histogram = found
        counter.inc()
        histogram.observe(seconds)

    def text(self, *, unfinished_jobs: int) -> bytes:
        """Return everything in Prometheus' text format."""
        self._jobs.set(unfinished_jobs)
        written: bytes = generate_latest(self._registry)
        return written
