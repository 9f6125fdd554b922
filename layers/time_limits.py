"""Time limits of cases: rows of ``time_limits.toml``, by kind of event and by step, and the hours in which they run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import time
from enum import unique
from importlib import resources
from itertools import pairwise
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from layers.catalog.hazard import HazardLevel
from layers.code import Code
from layers.errors import DeclarationError
from layers.rules import RULES, RuleStatus


@unique
class TimeUnit(Code):
    """In what a time limit is counted."""

    WORKING_HOURS = "working_hours", "工作时"
    WORKING_DAYS = "working_days", "工作日"
    DAYS = "days", "日"
    AT_ONCE = "at_once", "立即"


class TimeLimit(BaseModel):
    """How long something may take.

    Attributes
    ----------
    code
        Dotted name, such as ``event.X-FS01`` or ``step.recheck``.
    title, basis
        For people, in Chinese: what it bounds, and the document that says so.
    value
        How many of the unit; 0 only for what is due at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    title: str
    value: float = Field(ge=0, le=10_000, allow_inf_nan=False)
    unit: TimeUnit
    basis: str
    status: RuleStatus

    @model_validator(mode="after")
    def _counted_in_its_unit(self) -> Self:
        if (self.value == 0) != (self.unit is TimeUnit.AT_ONCE):
            raise ValueError("0 is due at once, and nothing else is")
        if self.unit is not TimeUnit.WORKING_HOURS and not self.value.is_integer():
            raise ValueError("days are counted whole")
        return self

    @property
    def said(self) -> str:
        """The limit in Chinese, such as 4 工作时."""
        return self.unit.label if self.unit is TimeUnit.AT_ONCE else f"{self.value:g} {self.unit.label}"


class OfficeHours(BaseModel):
    """The hours in which working time passes, in Shanghai, from opening to closing; ``basis`` says who set them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sessions: tuple[tuple[time, time], ...] = Field(min_length=1)
    basis: str
    status: RuleStatus

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        moments = [moment for session in self.sessions for moment in session]
        if any(earlier >= later for earlier, later in pairwise(moments)):
            raise ValueError("sessions must follow one another and not be empty")
        return self


_TABLE = tomllib.loads((resources.files("layers") / "time_limits.toml").read_text(encoding="utf-8"))
_Model = TypeVar("_Model", bound=BaseModel)


def _read(model: type[_Model], row: Any, where: str) -> _Model:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DeclarationError(f"layers/time_limits.toml {where}: {field}: {first['msg']}") from error


def _read_limits() -> dict[str, TimeLimit]:
    # One number for the maps and for cases: what a community changes in the rule holds for both.
    general = RULES["hazard.general_days"].model_dump(exclude={"effective_from", "unit"})
    limits = {general["code"]: TimeLimit(**general, unit=TimeUnit.DAYS)}
    for number, row in enumerate(_TABLE.get("limit", []), start=1):
        limit = _read(TimeLimit, row, f"limit {number}")
        if limit.code in limits:
            raise DeclarationError(f"layers/time_limits.toml limit {number}: code {limit.code} stands twice")
        limits[limit.code] = limit
    return limits


LIMITS_VERSION = str(_TABLE["version"])
"""Year and month of the table's last change."""

OFFICE_HOURS = _read(OfficeHours, _TABLE["office_hours"], "office_hours")
"""The hours of every working day."""

TIME_LIMITS: dict[str, TimeLimit] = _read_limits()
"""Every time limit by code."""

_OF_FIRMS = "X-IN04"
"""Hazards of safety at work in a firm (企业安全生产隐患), whose limit goes by their level."""


def handling_limit(
    event_code: str, level: HazardLevel | None = None, *, limits: Mapping[str, TimeLimit] = TIME_LIMITS
) -> TimeLimit:
    """Return how long the handling of an event may take: its own limit, else that of a firm's hazard, else the default.

    Parameters
    ----------
    event_code
        A code of ``layers/codes/event.csv``; one that has no limit of its own gets the default.
    level
        Of a firm's hazard; one that is suspected to be major counts as major.
    limits
        The limits of a community, if not those that are declared.
    """
    own = limits.get(f"event.{event_code}")
    if own is not None:
        return own
    if event_code == _OF_FIRMS:
        major = level in {HazardLevel.MAJOR, HazardLevel.SUSPECTED}
        return limits["hazard.major_days" if major else "hazard.general_days"]
    return limits["event.default"]
