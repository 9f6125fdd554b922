"""The temporal functions of CQL2: fifteen relations between days, moments and intervals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal

from gis_service.errors import InputError
from gis_service.features.filter_terms import Shape, Term, Terms, Type

# What each function says of the starts (a0, b0) and ends (a1, b1) of its operands: table 7 of OGC 21-065r2. A day or
# moment starts and ends with itself.
_RELATIONS: Final[dict[str, tuple[str, ...]]] = {
    "t_after": ("a0 > b1",),
    "t_before": ("a1 < b0",),
    "t_contains": ("a0 < b0", "a1 > b1"),
    "t_during": ("a0 > b0", "a1 < b1"),
    "t_equals": ("a0 = b0", "a1 = b1"),
    "t_finishedby": ("a0 < b0", "a1 = b1"),
    "t_finishes": ("a0 > b0", "a1 = b1"),
    "t_intersects": ("a0 <= b1", "a1 >= b0"),
    "t_meets": ("a1 = b0",),
    "t_metby": ("a0 = b1",),
    "t_overlappedby": ("a0 > b0", "a0 < b1", "a1 > b1"),
    "t_overlaps": ("a0 < b0", "a1 > b0", "a1 < b1"),
    "t_startedby": ("a0 = b0", "a1 > b1"),
    "t_starts": ("a0 = b0", "a1 < b1"),
}
TEMPORAL: Final = frozenset((*_RELATIONS, "t_disjoint"))

_End = Term | Literal["-infinity", "infinity"]


def temporal(name: str, given: list[Any], terms: Terms) -> Shape:
    """Return the shape of a temporal function.

    Where a day stands on either side, both sides count in days of Asia/Shanghai; otherwise in moments.

    Raises
    ------
    InputError
        When an operand is no time, or an interval ends before it starts.
    """
    ends = [end for node in given for end in _ends(node, terms)]
    days = any(isinstance(end, Term) and end.type is Type.DATE for end in ends)
    places = {
        key: ("open", end, "date" if days else "time") if isinstance(end, str) else as_day(end) if days else end.shape
        for key, end in zip(("a0", "a1", "b0", "b1"), ends, strict=True)
    }
    if name == "t_disjoint":
        return ("not", _all(_RELATIONS["t_intersects"], places))
    return _all(_RELATIONS[name], places)


def as_day(term: Term) -> Shape:
    """Return the day in Shanghai of a moment, or a day itself."""
    return term.shape if term.type is Type.DATE else ("day", term.shape)


def _all(relations: tuple[str, ...], places: dict[str, Shape]) -> Shape:
    parts = [relation.split() for relation in relations]
    return ("and", *((operator, places[left], places[right]) for left, operator, right in parts))


def _ends(node: Any, terms: Terms) -> tuple[_End, _End]:
    if not (isinstance(node, dict) and "interval" in node):
        found = terms.instant(node)
        return found, found
    written = node["interval"]
    if not isinstance(written, list) or len(written) != 2:
        raise _bad_interval()
    first, last = written
    start: _End = "-infinity" if first == ".." else terms.instant(first)
    end: _End = "infinity" if last == ".." else terms.instant(last)
    if _after(_literal(start, terms), _literal(end, terms)):
        raise _bad_interval()
    return start, end


def _literal(end: _End, terms: Terms) -> object:
    """Return the value of a literal end, None for a property or an open end."""
    if isinstance(end, Term) and end.shape[0] == "value":
        return terms.values[end.shape[1]]
    return None


def _after(start: object, end: object) -> bool:
    if isinstance(start, datetime) and isinstance(end, datetime):
        return start > end
    both_days = not isinstance(start, datetime) and not isinstance(end, datetime)
    return both_days and isinstance(start, date) and isinstance(end, date) and start > end


def _bad_interval() -> InputError:
    return InputError(
        "过滤条件里的 INTERVAL 不对:要有起止两个时间,起不晚于止,例如 INTERVAL('2026-01-01','..')。",
        "An INTERVAL in the filter is wrong: give a start and an end that isn't earlier, '..' for open.",
    )
