"""What is asked of a layer: place, attributes and time; and how its parts are read from a client's text."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gis_service.coordinates import STORED_CRS, transform_geometries
from gis_service.errors import InputError
from gis_service.features.filters import Filter
from gis_service.reference_systems import CRS84, ReferenceSystem

SHANGHAI = ZoneInfo("Asia/Shanghai")


def today() -> date:
    """Return the day in Shanghai."""
    return datetime.now(SHANGHAI).date()


Bbox = tuple[float, float, float, float]
SIDES = ("west", "south", "east", "north")
_SINGLE = 4e-5
"""Degrees: more than twice the step from one number of single precision to the next, which is 1.5e-5 at 180."""
_NOWHERE: Bbox = (999.0, 999.0, 999.0, 999.0)
_EDGE_POINTS = 16
"""Points on each edge of a projected box, whose edges are no straight lines in degrees."""
_LEAST_M, _ROUNDING = 5e-4, 5e-9
"""Half a unit of the last place in which coordinates are given, in metres and degrees: boxes are that much wider, so
that what stands at a coordinate of ours is found there."""


@dataclass(frozen=True)
class Question:
    """What is asked of a layer; everything that is given must hold.

    Attributes
    ----------
    bbox
        (west, south, east, north) in degrees.
    polygon
        WKT of an area in degrees, longitude first.
    equals
        Field name to value, of the field's type.
    valid
        First and last day of a period, None for open: rows whose own dates of validity meet it.
    as_of
        What was recorded at that moment, instead of what is recorded now.
    order
        Field names, with a minus before them for descending.
    filter
        A CQL2 filter.
    """

    bbox: Bbox | None = None
    polygon: str | None = None
    community: str | None = None
    grid: str | None = None
    equals: Mapping[str, object] = field(default_factory=dict)
    valid: tuple[date | None, date | None] | None = None
    as_of: datetime | None = None
    order: tuple[str, ...] = ()
    filter: Filter | None = None

    @property
    def inner(self) -> Bbox:
        """The part of the box whose features need no second look: what lies within it meets the box, whatever its form.

        PostGIS compares boxes in single precision, so it is smaller by more than that; a box that is too small for it
        has none, which is said by one where nothing is.
        """
        west, south, east, north = self.bbox or _NOWHERE
        found = (west + _SINGLE, south + _SINGLE, east - _SINGLE, north - _SINGLE)
        return found if found[0] < found[2] and found[1] < found[3] else _NOWHERE

    @cached_property
    def shape(self) -> Hashable:
        """What is asked without the values: questions of one shape share one statement."""
        ends = self.valid and tuple(end is not None for end in self.valid)
        given = tuple(part is not None for part in (self.bbox, self.polygon, self.grid, self.as_of))
        return given, tuple(sorted(self.equals)), ends, self.order, self.filter and self.filter.shape

    def values(self) -> dict[str, object]:
        """Return the values by the names that ``select.conditions`` gives them."""
        found: dict[str, object] = {f"eq_{name}": value for name, value in self.equals.items()}
        if self.bbox is not None:
            found |= dict(zip(SIDES, self.bbox, strict=True))
            found |= {f"inner_{side}": value for side, value in zip(SIDES, self.inner, strict=True)}
        first, last = self.valid or (None, None)
        given = {
            "polygon": self.polygon, "grid": self.grid, "as_of": self.as_of,
            "valid_first": first, "valid_last": last,
        }  # fmt: skip
        found |= {name: value for name, value in given.items() if value is not None}
        return found | (self.filter.values if self.filter else {})


def end_of(day: date) -> datetime:
    """Return the last moment of a day in Shanghai, in UTC: what ``as_of`` a date means."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI).astimezone(UTC) - timedelta(microseconds=1)


def parse_as_of(value: str) -> datetime:
    """Read a date (its end in Shanghai is meant) or a moment with a time zone (RFC 3339).

    Raises
    ------
    InputError
        When the text is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return end_of(date.fromisoformat(value))
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise _bad_time(value)
        return moment.astimezone(UTC)
    # The first and last days that Python knows have no moment in another time zone.
    except (ValueError, OverflowError) as error:
        raise _bad_time(value) from error


def parse_period(value: str) -> tuple[date | None, date | None]:
    """Read an OGC ``datetime``: a day or moment, or two of them with a slash between, ``..`` for open.

    Raises
    ------
    InputError
        When the text is none of these or ends before it begins.
    """
    ends = value.split("/")
    if len(ends) > 2 or value in {"", "/", "../.."}:
        raise _bad_time(value)
    try:
        days = [None if end in {"", ".."} else parse_as_of(end).astimezone(SHANGHAI).date() for end in ends]
    except OverflowError as error:
        raise _bad_time(value) from error
    first, last = days[0], days[-1]
    if (first is None and last is None) or (first is not None and last is not None and first > last):
        raise _bad_time(value)
    return first, last


def _bad_time(value: str) -> InputError:
    return InputError(
        f"时间 {value!r} 看不懂:请写日期 2026-11-23,或带时区的时刻 2026-11-23T08:00:00+08:00。",
        f"The time {value!r} can't be read: give a date or a moment with its time zone.",
    )


def parse_bbox(value: str, system: ReferenceSystem = CRS84) -> dict[str, Bbox | str]:
    """Read four numbers (six: heights are left aside) as the part of a question that asks for a box.

    Parameters
    ----------
    system
        The system of the numbers, in its register's order of axes.

    Returns
    -------
    dict
        ``bbox`` in degrees; or ``polygon`` in degrees where the box is one of a projected system.

    Raises
    ------
    InputError
        When they aren't four or six finite numbers in order, within the globe.
    """
    wrong = InputError(
        f"bbox {value!r} 不对:应为 西,南,东,北 四个数字(经纬度时例如 120.99,30.69,121.02,30.71),"
        "次序和单位依坐标系的规定。",
        f"The bbox {value!r} is wrong: give west,south,east,north in the order of axes of its reference system.",
    )
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError as error:
        raise wrong from error
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4 or not all(abs(number) <= 1e8 for number in numbers):
        raise wrong
    if system.flipped:
        numbers = [numbers[1], numbers[0], numbers[3], numbers[2]]
    west, south, east, north = numbers
    if not (west <= east and south <= north):
        raise wrong
    if system.srid in {4326, 4490}:
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
            raise wrong
        return {"bbox": (west - _ROUNDING, south - _ROUNDING, east + _ROUNDING, north + _ROUNDING)}
    return {"polygon": _projected_box((west, south, east, north), system, wrong)}


def _projected_box(box: Bbox, system: ReferenceSystem, wrong: InputError) -> str:
    west, south, east, north = box
    west, south, east, north = west - _LEAST_M, south - _LEAST_M, east + _LEAST_M, north + _LEAST_M
    side = max(east - west, north - south)
    edges = shapely.segmentize(shapely.box(west, south, east, north), side / _EDGE_POINTS)
    found = transform_geometries([edges], f"EPSG:{system.srid}", STORED_CRS)[0]
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise wrong
    return str(shapely.to_wkt(found, rounding_precision=-1))
