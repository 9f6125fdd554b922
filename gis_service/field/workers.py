"""What the office sees of each post: what it did today, and how far it got round within the period."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from gis_service.analysis.pending import Pending
from gis_service.field.today import VISITED
from layers.catalog.visit import VisitOutcome
from layers.rules import Rule

UNNAMED: Final = "未写岗位"
_PERIOD: Final = "rental.recheck_green"
_PLACES: Final = (
    ("rentals_seen", "rental_unit", "units", "rental.recheck_green"),
    ("enterprises_seen", "enterprise", "firms", "enterprise.visit_days"),
)
_REFUSED: Final = (VisitOutcome.REFUSED, VisitOutcome.EVASIVE)
_NUMBER: Final = re.compile("([0-9]+)")


@dataclass
class _Rounds:
    """What one post did: how many visits there were, and which things were met."""

    visits_today: int = 0
    visits_lately: int = 0
    vain_lately: int = 0
    refused_lately: int = 0
    last_visit_on: date | None = None
    met: dict[tuple[str, str], bool] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name, *_ in _PLACES})


def by_worker(pending: Pending, rules: Mapping[str, Rule], on: date) -> list[dict[str, Any]]:
    """Return for each post, as its visits name it, what it did today and within the period; unnamed visits come last.

    Two posts that went to the same place count it each.
    """
    found: dict[str | None, _Rounds] = {}
    listed = {layer: (name, frozenset(getattr(pending, frame).index), rules[rule].value)
              for name, layer, frame, rule in _PLACES}  # fmt: skip
    columns = ("worker", "target_kind", "target_code", "visited_on", "outcome")
    for worker, layer, code, day, outcome in zip(*(pending.visits[name] for name in columns), strict=True):
        rounds, ago, done = found.setdefault(worker or None, _Rounds()), (on - day).days, outcome == VisitOutcome.DONE
        rounds.last_visit_on = max(day, rounds.last_visit_on or day)
        if ago <= rules[_PERIOD].value:
            rounds.visits_lately += 1
            rounds.vain_lately += not done
            rounds.refused_lately += outcome in _REFUSED
        if day == on:
            rounds.visits_today += 1
            if layer in VISITED:
                rounds.met[layer, code] = rounds.met.get((layer, code), False) or done
        if done and layer in listed:
            name, codes, cycle = listed[layer]
            if code in codes and ago <= cycle:
                rounds.seen[name].add(code)
    return [_told(worker, found[worker]) for worker in sorted(found, key=_order)]


def _order(worker: str | None) -> tuple[bool, list[str | int]]:
    # Texts and numbers take turns in what is split, so that like is compared with like.
    parts = enumerate(_NUMBER.split(worker or ""))
    return worker is None, [int(part) if number % 2 else part for number, part in parts]


def _told(worker: str | None, rounds: _Rounds) -> dict[str, Any]:
    done = sum(rounds.met.values())
    return {
        "worker": worker, "name": worker or UNNAMED, "visits_today": rounds.visits_today, "done_today": done,
        "vain_today": len(rounds.met) - done, "visits_lately": rounds.visits_lately,
        "vain_lately": rounds.vain_lately, "refused_lately": rounds.refused_lately,
        **{name: len(codes) for name, codes in rounds.seen.items()},
        "last_visit_on": rounds.last_visit_on and rounds.last_visit_on.isoformat(),
    }  # fmt: skip


def worker_definitions(rules: Mapping[str, Rule]) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, title, unit and meaning of each figure of a post, in the order in which they are shown."""
    rental, firm = (f"{rules[code].value:g} {rules[code].unit}" for *_, code in _PLACES)
    return (
        ("visits_today", "今天的走访", "次", "走访日期为今天,不论对象和结果"),
        ("done_today", "今天办完", "件", "今天由其走访完成的隐患、出租房和企业,同一对象只算一次"),
        ("vain_today", "今天去过没有办成", "件", "今天由其走访而没有完成的隐患、出租房和企业"),
        ("visits_lately", "周期内的走访", "次", f"走访日期距今不超过 {rental},不论对象和结果"),
        ("vain_lately", "其中没有办成", "次", "结果为无人、拒访、负责人不在或推诿、需联合执法"),
        ("refused_lately", "其中拒访或推诿", "次", "结果为拒访、负责人不在或推诿"),
        ("rentals_seen", "周期内走访过的出租房", "户", f"在租的出租房中,由其走访完成且距今不超过 {rental}的,各人各算"),
        ("enterprises_seen", "周期内走访过的企业", "家", f"在营的企业中,由其走访完成且距今不超过 {firm}的,各人各算"),
        ("last_visit_on", "最近一次走访", "", "最近一次走访的日期,不论对象和结果"),
    )
