"""Names of the files of PostgreSQL's log: eight digits of the timeline, then sixteen of the segment's number."""

from __future__ import annotations

import re
from collections.abc import Iterable

SEGMENT_BYTES = 16 << 20
"""Of a file of the log, as initdb makes clusters."""

_SEGMENT = re.compile(r"[0-9A-F]{24}")


def position_of(written: str) -> int:
    """Return a position in the log as a number: ``0/3000148`` is 50331976."""
    high, low = written.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_end(name: str) -> int | None:
    """Return where a segment of the log ends, by its name; None for what is no segment."""
    if not _SEGMENT.match(name) or name[24:] not in {"", ".age"}:
        return None
    return (int(name[8:16], 16) << 32) + (int(name[16:24], 16) + 1) * SEGMENT_BYTES


def timeline_of(name: str) -> int:
    """Return the timeline of a segment."""
    return int(name[:8], 16)


def first_gap(names: Iterable[str], first: int) -> int | None:
    """Return where the log breaks off though it goes on later, or None; ``first`` is the position it must begin at.

    ``names`` are segments of one timeline.
    """
    ends = sorted(end for name in names if (end := segment_end(name)) is not None and end > first)
    wanted = first - first % SEGMENT_BYTES + SEGMENT_BYTES
    for end in ends:
        if end != wanted:
            return wanted - SEGMENT_BYTES
        wanted += SEGMENT_BYTES
    return None
