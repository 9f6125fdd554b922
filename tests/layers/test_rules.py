"""Thresholds: each says what it bounds, in which unit, and how far it may be relied on."""

from __future__ import annotations

import math
import re

import pytest

from layers.rules import RULES, Rule, RuleStatus

CHINESE = re.compile(r"[\u4e00-\u9fff]")

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


@every_rule
def test_a_rule_can_be_printed_beside_a_map(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z_]+\.[A-Za-z0-9_-]+", rule.code)
    assert CHINESE.search(rule.title)
    assert rule.unit
    assert math.isfinite(rule.value)
    assert rule.value > 0


@every_rule
def test_a_default_is_never_passed_off_as_a_standard(rule: Rule) -> None:
    assert (rule.status is RuleStatus.DEFAULT) == rule.basis.startswith("系统默认,可按社区调整")


@pytest.mark.parametrize(
    ("code", "value", "unit", "status"),
    [
        ("waste.radius_point", 70, "m", RuleStatus.STANDARD),
        ("waste.radius_timed", 150, "m", RuleStatus.DEFAULT),
        ("hydrant.radius", 150, "m", RuleStatus.STANDARD),
        ("hydrant.spacing", 120, "m", RuleStatus.STANDARD),
        ("fire_lane.width", 4, "m", RuleStatus.STANDARD),
        ("charging.radius", 200, "m", RuleStatus.DEFAULT),
        ("rental.min_area_per_person", 6, "m²/人", RuleStatus.DRAFT),
        ("rental.max_persons_per_room", 2, "人", RuleStatus.DRAFT),
        ("rental.reporting_days", 3, "工作日", RuleStatus.STATUTE),
        ("building.appraisal_age", 30, "年", RuleStatus.STATUTE),
        ("enterprise.above_scale_revenue", 2000, "万元", RuleStatus.STANDARD),
        ("privacy.k", 5, "个", RuleStatus.DEFAULT),
        ("privacy.lattice", 100, "m", RuleStatus.DEFAULT),
    ],
)
def test_the_figures_of_the_domain(code: str, value: float, unit: str, status: RuleStatus) -> None:
    rule = RULES[code]
    assert (rule.value, rule.unit, rule.status) == (value, unit, status)


def test_every_pair_of_bounds_is_in_order() -> None:
    stems = [code.removesuffix("_min") for code in RULES if code.endswith("_min") and f"{code[:-4]}_max" in RULES]
    assert stems
    for stem in stems:
        assert RULES[f"{stem}_min"].value < RULES[f"{stem}_max"].value, stem
