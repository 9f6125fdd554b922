"""Thresholds: rows of ``rules.toml``, each with its unit, its basis and how far it may be relied on."""

from __future__ import annotations

import tomllib
from datetime import date
from enum import StrEnum
from importlib import resources

from pydantic import BaseModel, ConfigDict, ValidationError

from layers.errors import DeclarationError


class RuleStatus(StrEnum):
    """What kind of authority stands behind a value; maps print it beside the number."""

    STATUTE = "statute"
    STANDARD = "standard"
    DRAFT = "draft"
    LOCAL = "local"
    DEFAULT = "default"


class Rule(BaseModel):
    """One threshold.

    Attributes
    ----------
    code
        Dotted name, such as ``waste.radius_point``.
    title, unit, basis
        For people, in Chinese: what it bounds, in which unit, and the document that says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    title: str
    value: float
    unit: str
    basis: str
    status: RuleStatus
    effective_from: date | None = None


_TABLE = tomllib.loads((resources.files("layers") / "rules.toml").read_text(encoding="utf-8"))


def _read_rules() -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for number, row in enumerate(_TABLE.get("rule", []), start=1):
        try:
            rule = Rule.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise DeclarationError(f"layers/rules.toml rule {number}: {first['loc'][0]}: {first['msg']}") from error
        if rule.code in rules:
            raise DeclarationError(f"layers/rules.toml rule {number}: code {rule.code} stands twice")
        rules[rule.code] = rule
    return rules


RULES_VERSION = str(_TABLE["version"])
"""Year and month of the table's last change."""

RULES: dict[str, Rule] = _read_rules()
"""Every threshold by code."""
