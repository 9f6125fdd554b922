"""The walk of today as a document that JSON can hold."""

from __future__ import annotations

from typing import Any, Final

from gis_service.field.reasons import Thing
from gis_service.field.stops import Stop
from gis_service.field.today import Leg, Today
from layers.rules import RULES_VERSION

MOST_NEXT: Final = 10
"""Stops that are listed of those that didn't fit."""


def told(day: Today) -> dict[str, Any]:
    """Return a day's walk: stops in walking order, the line, totals, what didn't fit, and the rule behind it."""
    return {
        "community": day.community, "grids": list(day.grids), "on": day.on.isoformat(), "hours": day.hours,
        "finding": day.finding,
        "start": {"title": day.start.title, "lon": day.start_place[0], "lat": day.start_place[1]},
        "stops": [_leg(number, leg, day.community) for number, leg in enumerate(day.legs, start=1)],
        "line": {"type": "LineString", "coordinates": day.line} if len(day.line) > 1 else None,
        "total": {
            "stops": len(day.legs), "must": day.must, "score": round(day.score, 1),
            "metres": round(day.metres, 1), "walk_minutes": round(day.walk_minutes, 1),
            "site_minutes": round(day.site_minutes, 1), "minutes": round(day.walk_minutes + day.site_minutes, 1),
        },
        "left": {
            "count": len(day.left), "must": day.must_left, "unreachable": day.beyond,
            "next": [_stop(stop, day.community) for stop in day.left[:MOST_NEXT]],
        },
        "tomorrow": [_thing(thing, day.community) for thing in day.tomorrow],
        "done_today": day.done, "method": day.method, "way": day.way, "rules_version": RULES_VERSION,
        "rules": [rule.model_dump(mode="json") for rule in day.rules],
    }  # fmt: skip


def _leg(number: int, leg: Leg, community: str) -> dict[str, Any]:
    walked = {"metres": round(leg.metres, 1), "walk_minutes": round(leg.walk_minutes, 1)}
    return {
        "number": number, "lon": leg.place[0], "lat": leg.place[1], **walked, **_stop(leg.stop, community),
        "left_here": [_thing(thing, community) for thing in leg.left],
    }  # fmt: skip


def _stop(stop: Stop, community: str) -> dict[str, Any]:
    first = _thing(stop.first, community)
    named = {name: first[name] for name in ("layer", "feature", "code", "title", "kind")}
    reasons = [reason for thing in stop.things for reason in _thing(thing, community)["reasons"]]
    return {
        **named, "must": stop.must, "score": round(stop.score, 1), "site_minutes": stop.minutes, "reasons": reasons,
        "things": [_thing(thing, community) for thing in stop.things],
    }  # fmt: skip


def _thing(thing: Thing, community: str) -> dict[str, Any]:
    return {
        "kind": thing.what, "layer": thing.layer, "feature": f"{community}.{thing.id}", "code": thing.code,
        "title": thing.title, "grid": thing.grid, "must": thing.must, "score": round(thing.score, 1),
        "site_minutes": thing.minutes, "remark": thing.remark or None,
        "reasons": [
            {"code": one.code, "sentence": one.sentence, "points": round(one.points, 1)} for one in thing.reasons
        ],
    }  # fmt: skip
