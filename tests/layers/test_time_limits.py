"""Time limits: which events and steps they are for, in which unit, and how far each may be relied on."""

from __future__ import annotations

import re
from datetime import time

import pytest
from pydantic import ValidationError

from layers.catalog.hazard import HazardLevel
from layers.code import read_code_list
from layers.flows import FLOWS
from layers.rules import RULES, RuleStatus
from layers.time_limits import OFFICE_HOURS, TIME_LIMITS, OfficeHours, TimeLimit, TimeUnit, handling_limit

EVENTS = read_code_list("event")
every_limit = pytest.mark.parametrize("limit", TIME_LIMITS.values(), ids=TIME_LIMITS.keys())


@every_limit
def test_a_limit_belongs_to_an_event_a_step_or_a_hazard(limit: TimeLimit) -> None:
    kind, _, name = limit.code.partition(".")
    assert kind in {"event", "step", "hazard"}
    assert kind != "event" or name == "default" or name in EVENTS
    assert re.search(r"[\u4e00-\u9fff]", limit.title)
    assert limit.code not in RULES or limit.value == RULES[limit.code].value


@every_limit
def test_a_default_is_never_passed_off_as_a_standard(limit: TimeLimit) -> None:
    assert (limit.status is RuleStatus.DEFAULT) == limit.basis.startswith("系统默认,可按社区调整")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("event.X-FS01", "4 工作时"), ("event.X-FS03", "2 工作时"), ("event.05-05", "4 工作时"),
        ("event.X-RH01", "10 工作日"), ("event.X-UT01", "5 工作日"), ("event.X-GR02", "5 工作日"),
        ("event.01-01", "20 工作日"), ("event.01-03", "2 工作日"), ("hazard.general_days", "15 日"),
        ("hazard.major_days", "15 日"), ("step.register", "1 工作日"), ("step.dispatch", "1 工作日"),
        ("step.transfer_suspected", "立即"), ("step.track", "5 工作日"), ("step.recheck", "3 工作日"),
    ],
)  # fmt: skip
def test_the_figures_of_the_domain(code: str, said: str) -> None:
    assert TIME_LIMITS[code].said == said


def test_every_event_has_a_limit() -> None:
    own = {code for code in EVENTS if f"event.{code}" in TIME_LIMITS}
    assert len(own) == 15
    for code in EVENTS:
        found = handling_limit(code)
        assert (found.code == f"event.{code}") == (code in own)
        assert found.unit in {TimeUnit.WORKING_HOURS, TimeUnit.WORKING_DAYS} or code == "X-IN04"


def test_a_firms_hazard_goes_by_its_level_and_other_events_do_not() -> None:
    assert handling_limit("X-IN04").code == "hazard.general_days"
    assert handling_limit("X-IN04", HazardLevel.GENERAL).code == "hazard.general_days"
    for level in (HazardLevel.MAJOR, HazardLevel.SUSPECTED):
        assert handling_limit("X-IN04", level).code == "hazard.major_days"
        assert handling_limit("X-FS03", level).code == "event.X-FS03", "a blocked fire lane has its two hours"
    assert handling_limit("02-01").code == "event.default"


def test_a_communitys_own_limits_are_taken() -> None:
    own = {**TIME_LIMITS, "event.default": TIME_LIMITS["event.X-FS01"]}
    assert handling_limit("02-01", limits=own).said == "4 工作时"


def test_every_limit_of_a_step_is_one_that_a_flow_has() -> None:
    used = {step.limit for flow in FLOWS.values() for step in flow.steps} - {None, "event"}
    declared = {code for code in TIME_LIMITS if code.startswith("step.")}
    assert used == declared


@pytest.mark.parametrize(
    ("value", "unit"),
    [(0, "working_hours"), (0, "days"), (1, "at_once"), (1.5, "days"), (2.5, "working_days"), (-1, "days"),
     (float("nan"), "working_hours"), (float("inf"), "working_days"), (20_000, "days"), (1, "hours")],
)  # fmt: skip
def test_what_cannot_be_counted_in_its_unit_is_refused(value: float, unit: str) -> None:
    row = {"code": "step.x", "title": "某", "basis": "某", "status": "default"}
    assert TimeLimit.model_validate({**row, "value": 1.5, "unit": "working_hours"}).said == "1.5 工作时"
    with pytest.raises(ValidationError):
        TimeLimit.model_validate({**row, "value": value, "unit": unit})


def test_office_hours_are_seven_in_order() -> None:
    minutes = [closes.hour * 60 + closes.minute - opens.hour * 60 - opens.minute for opens, closes in
               OFFICE_HOURS.sessions]  # fmt: skip
    assert sum(minutes) == 7 * 60
    assert OFFICE_HOURS.sessions == ((time(8, 30), time(12)), (time(13, 30), time(17)))
    assert OFFICE_HOURS.status is RuleStatus.DEFAULT
    for wrong in ([["12:00", "08:30"]], [["08:30", "12:00"], ["11:00", "17:00"]], []):
        with pytest.raises(ValidationError):
            OfficeHours.model_validate({"sessions": wrong, "basis": "某", "status": "default"})
