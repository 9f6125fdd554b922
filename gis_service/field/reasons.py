"""Why somebody should go to a place today: the rule as sentences and points.

The score of a stop is the sum of the points of its reasons, and a reason has

    points = weight × (1 + urgency),  urgency = min(1, …) between 0 and 1

| reason    | weight               | urgency                                             |
|-----------|----------------------|-----------------------------------------------------|
| `major`   | `today.weight_major` | 0                                                   |
| `late`    | `today.weight_late`  | days since the limit ÷ `hazard.general_days`        |
| `soon`    | `today.weight_soon`  | 1 − days to the limit ÷ `hazard.soon_days`          |
| `overdue` | `today.weight_overdue` | 0                                                 |
| `never`   | `today.weight_never` | 0                                                   |
| `stale`   | `today.weight_stale` | days beyond the cycle ÷ the cycle                   |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas
import numpy as np
import pandas as pd

from gis_service.analysis.pending import USED as PENDING_RULES
from gis_service.analysis.pending import Pending
from layers.catalog.hazard import HazardLevel
from layers.rules import Rule

USED: Final = (
    *PENDING_RULES, "today.weight_major", "today.weight_late", "today.weight_soon", "today.weight_overdue",
    "today.weight_never", "today.weight_stale", "today.minutes_hazard", "today.minutes_visit", "today.walk_speed",
)  # fmt: skip
"""Thresholds and weights of the list of a day."""
MUST: Final = frozenset({"major", "late"})
"""Reasons that come first whatever else there is."""

Rules = Mapping[str, Rule]


@dataclass(frozen=True)
class Reason:
    """Why to go: a code, one Chinese sentence with the days that matter, and its points."""

    code: str
    sentence: str
    points: float


@dataclass(frozen=True)
class Thing:
    """Something to be done at a place: a hazard to look at, a letting or a firm to visit.

    Attributes
    ----------
    id
        Of the feature, beside its layer and code.
    what
        What it is about, in Chinese.
    minutes
        On site.
    at
        Where it is, in metres.
    ties
        What it is about and stands in, as ``layer:code``: things that share one are at one place.
    remark
        That somebody was there in vain, and when; "" where nobody was.
    """

    layer: str
    id: str
    code: str
    title: str
    what: str
    grid: str | None
    reasons: tuple[Reason, ...]
    minutes: float
    at: tuple[float, float]
    ties: frozenset[str]
    remark: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """The layer and the id, which no other thing has."""
        return self.layer, self.id

    @property
    def score(self) -> float:
        """The points of all reasons."""
        return sum(reason.points for reason in self.reasons)

    @property
    def must(self) -> bool:
        """Whether it comes first."""
        return any(reason.code in MUST for reason in self.reasons)


def things_of(pending: Pending, rules: Rules) -> list[Thing]:
    """Return everything that is pending, with its reasons: hazards, lettings and firms, each by code."""
    return [
        *_cases(pending, rules),
        *_places(pending.units, "rental_unit", "出租房", rules["rental.recheck_green"], rules),
        *_places(pending.firms, "enterprise", "企业", rules["enterprise.visit_days"], rules),
    ]


def method_of(rules: Rules) -> str:
    """Return the rule in Chinese, with the values in force."""
    value = {code: f"{rules[code].value:g}" for code in USED}
    return (
        "得分=各条理由的分数之和;一条理由的分数=权数×(1+紧迫度),紧迫度在 0 与 1 之间。"
        f"重大或疑似重大隐患:权数 {value['today.weight_major']},紧迫度 0。"
        f"隐患超期:权数 {value['today.weight_late']},紧迫度=超期天数÷{value['hazard.general_days']},最多 1。"
        f"隐患 {value['hazard.soon_days']} 天内到期:权数 {value['today.weight_soon']},"
        f"紧迫度=1-剩余天数÷{value['hazard.soon_days']}。"
        f"租客登记疑似逾期:权数 {value['today.weight_overdue']},紧迫度 0,是否逾期由公安认定。"
        f"从未走访:权数 {value['today.weight_never']},紧迫度 0。"
        f"超过周期没有走访:权数 {value['today.weight_stale']},紧迫度=超过周期的天数÷周期,最多 1;"
        f"周期:出租房 {value['rental.recheck_green']} 天,企业 {value['enterprise.visit_days']} 天。"
        f"现场时间:隐患每起 {value['today.minutes_hazard']} 分钟,出租房每户、企业每家 "
        f"{value['today.minutes_visit']} 分钟;步行每小时 {value['today.walk_speed']} 公里。"
        "同一楼栋或同一企业的事合为一处,理由全列。重大、疑似重大和超期的隐患必去,先排。"
    )


def _cases(pending: Pending, rules: Rules) -> Iterator[Thing]:
    stand_in = {**_buildings("rental_unit", pending.units), **_buildings("enterprise", pending.firms)}
    for case in _rows(pending.cases):
        reasons = []
        if case["grave"]:
            told = "重大隐患" if case["level"] == HazardLevel.MAJOR else "疑似重大隐患,待主管部门认定"
            reasons.append(_reason("major", told, 0.0, rules))
        limit, days = case["limit"], case["days"]
        if case["timing"] == "late":
            urgency = days / rules["hazard.general_days"].value
            reasons.append(_reason("late", f"隐患超期 {days:,} 天(期限 {limit})", urgency, rules))
        else:
            told = f"隐患 {-days} 天后到期(期限 {limit})" if days else f"隐患今天到期({limit})"
            reasons.append(_reason("soon", told, 1 + days / rules["hazard.soon_days"].value, rules))
        about = _ties("rental_unit", case, "rental_code") | _ties("enterprise", case, "enterprise_code")
        ties = about.union(*(stand_in.get(tie, ()) for tie in about))
        yield _thing("hazard", case, case["what"], reasons, rules["today.minutes_hazard"], ties)


def _places(frame: geopandas.GeoDataFrame, layer: str, what: str, cycle: Rule, rules: Rules) -> Iterator[Thing]:
    overdue = frame["overdue"] if "overdue" in frame else pd.Series(index=frame.index, dtype=object)
    for place in _rows(frame[np.array([one is True for one in overdue], dtype=bool) | (frame["unseen"] != "")]):
        reasons = []
        if place.get("overdue") is True:
            known = [day for day in (place["tenant_count_as_of"], place["noticed"]) if day is not None]
            reasons.append(_reason("overdue", f"租客登记疑似逾期({min(known)} 起)", 0.0, rules))
        if place["unseen"] == "never":
            reasons.append(_reason("never", "从未走访", 0.0, rules))
        elif place["unseen"]:
            days = place["since"]
            told = f"{days:,} 天没有走访(上次 {place['visited']},周期 {cycle.value:g} 天)"
            reasons.append(_reason("stale", told, days / cycle.value - 1, rules))
        if reasons:
            yield _thing(layer, place, what, reasons, rules["today.minutes_visit"], _ties(layer, place))


def _reason(code: str, sentence: str, urgency: float, rules: Rules) -> Reason:
    return Reason(code, sentence, rules[f"today.weight_{code}"].value * (1 + min(1.0, urgency)))


def _thing(
    layer: str, row: Mapping[str, Any], what: str, reasons: list[Reason], minutes: Rule, ties: set[str]
) -> Thing:  # fmt: skip
    at = row["geometry"]
    own = ties or {f"{layer}:{row['id']}"}
    return Thing(layer, str(row["id"]), row["code"], row["title"], what, row["grid"], tuple(reasons), minutes.value,
                 (at.x, at.y), frozenset(own))  # fmt: skip


def _ties(layer: str, row: Mapping[str, Any], column: str = "code") -> set[str]:
    """Return what a row says of its place: itself or what it names in ``column``, and the building it stands in."""
    own = {_tie(layer, row["grid"], row[column])} if row[column] else set()
    return own | ({_tie("building", None, row["building_code"])} if row["building_code"] else set())


def _tie(layer: str, grid: str | None, code: str) -> str:
    # Codes of lettings are unique in their grid only.
    return f"{layer}:{grid}:{code}" if layer == "rental_unit" else f"{layer}:{code}"


def _buildings(layer: str, frame: geopandas.GeoDataFrame) -> dict[str, set[str]]:
    """Return of each row that stands in a building the tie of that, by its own."""
    rows = zip(frame.index, frame["grid"], frame["building_code"], strict=True)
    return {_tie(layer, grid, code): {_tie("building", None, building)} for code, grid, building in rows if building}


def _rows(frame: geopandas.GeoDataFrame) -> list[dict[str, Any]]:
    """Return the rows with their code; pandas takes many times as long for the same."""
    names = ["code", *frame.columns]
    columns = [frame.index.tolist(), *(frame[name].tolist() for name in frame.columns)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
