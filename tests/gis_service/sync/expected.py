"""What must come of edits, reckoned in plain Python from what was sent and the order in which it was taken in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from typing import Any

from gis_service.sample.load import COMMUNITY
from gis_service.sync.applying import Edit
from layers.flows import Requirement, moves
from tests.gis_service.sync.phones import Unit

_MOVES = {(str(move.flow), str(move.source), move.step.name): move for move in moves()}
_SHANGHAI = timezone(timedelta(hours=8))
_GRAVE = {"02", "suspected"}
_OFFICES = {"grid_worker": {"worker"}, "staff": {"worker", "community"}}


@dataclass(frozen=True)
class Who:
    """Role of whoever sent an edit, and the grids that they have."""

    role: str
    grids: frozenset[str]


@dataclass
class Standing:
    """A case as it should stand."""

    grid: str
    code: str
    flow: str
    status: str
    level: str
    detail: str
    steps: list[str] = field(default_factory=list)


@dataclass
class Expected:
    """The rows as they should be.

    Attributes
    ----------
    versions
        The values of each unit, version by version.
    waiting
        What waits, with the fields that clash; empty where nothing of it was written.
    """

    units: Mapping[str, Unit]
    versions: dict[str, dict[int, dict[str, Any]]]
    nonsense: set[uuid.UUID]
    cases: dict[str, Standing] = field(default_factory=dict)
    visits: set[str] = field(default_factory=set)
    points: dict[str, str] = field(default_factory=dict)
    waiting: dict[uuid.UUID, tuple[str, ...]] = field(default_factory=dict)

    def take(self, edit: Edit, who: Who) -> bool:
        """Apply an edit; tell whether it was applied as a whole."""
        clashing = None if edit.id in self.nonsense or is_doubtful(edit) else self._apply(edit, who)
        if clashing == ():
            return True
        self.waiting[edit.id] = clashing or ()
        return False

    def decide(self, edit: Edit, who: Who) -> bool:
        """Write an edit that waits, as somebody decided; tell whether it can be."""
        # Whoever decides has looked at the place.
        clashing, edit = self.waiting[edit.id], edit.model_copy(update={"suspect": None})
        if clashing and edit.kind in {"visit", "change"}:
            unit, changes = self._unit_of(edit, who)
            assert unit is not None
            chosen = {name: changes[name] for name in clashing}
            self._write(unit, {**chosen, **self._day(unit, edit, chosen)})
        elif (edit.id in self.nonsense and "证件" not in str(edit.body)) or self._apply(edit, who, insist=True) is None:
            # What names somebody was kept without the name, and can be written.
            return False
        del self.waiting[edit.id]
        return True

    def values(self, unit: str) -> dict[str, Any]:
        """Return what a unit says now."""
        return self.versions[unit][max(self.versions[unit])]

    def _apply(self, edit: Edit, who: Who, *, insist: bool = False) -> tuple[str, ...] | None:
        """Return the fields that clash, or None when nothing of it can be written."""
        kind = {"case": self._case, "step": self._step, "feature": self._feature}.get(edit.kind)
        if kind is not None:
            return () if kind(edit, who) else None
        unit, changes = self._unit_of(edit, who)
        if unit is None or edit.body.get("correct_count", 0) > edit.body.get("checked_count", 0):
            return None
        if edit.kind == "visit":
            self.visits.add(str(edit.id))
        return self._merge(unit, changes, edit, insist=insist) if changes else ()

    def _unit_of(self, edit: Edit, who: Who) -> tuple[Unit | None, dict[str, Any]]:
        name = edit.body["target_code"] if edit.kind == "visit" else edit.body["feature"].removeprefix(f"{COMMUNITY}.")
        unit = next(one for one in self.units.values() if name in {one.id, one.code})
        return (unit if unit.grid in who.grids else None), _changes(edit)

    def _merge(self, unit: Unit, changes: dict[str, Any], edit: Edit, *, insist: bool) -> tuple[str, ...]:
        present, body = self.values(unit.id), edit.body
        base, shown = self.versions[unit.id].get(body.get("base", -1), {}), body.get("before", {})
        written, clashing = {}, []
        for name, value in changes.items():
            if value == present[name]:
                continue
            if insist or any(name in one and one[name] == present[name] for one in (base, shown)):
                written[name] = value
            else:
                clashing.append(name)
        agreed = {name: value for name, value in changes.items() if name not in clashing}
        self._write(unit, {**written, **self._day(unit, edit, agreed)})
        return tuple(clashing)

    def _day(self, unit: Unit, edit: Edit, agreed: dict[str, Any]) -> dict[str, Any]:
        """Return the day of a count that a visit found: a new count's, or a later one of the same count."""
        if edit.kind != "visit" or "tenant_count" not in agreed:
            return {}
        day, stands = edit.made_at.astimezone(_SHANGHAI).date(), self.values(unit.id)
        new = stands["tenant_count"] != agreed["tenant_count"]
        later = stands["tenant_count_as_of"] is None or stands["tenant_count_as_of"] < day
        return {"tenant_count_as_of": day} if new or later else {}

    def _write(self, unit: Unit, written: dict[str, Any]) -> None:
        present = self.values(unit.id)
        if any(present[name] != value for name, value in written.items()):
            self.versions[unit.id][max(self.versions[unit.id]) + 1] = {**present, **written}

    def _case(self, edit: Edit, who: Who) -> bool:
        body = edit.body
        grid = next(one.grid for one in self.units.values() if (one.lon, one.lat) == (body["lon"], body["lat"]))
        if grid not in who.grids:
            return False
        day = edit.made_at.astimezone(_SHANGHAI)
        made = Standing(
            grid, f"AJ{day:%Y%m%d}-{edit.id.hex[:8].upper()}", body.get("flow", "community"), "found",
            body.get("level", "01"), body["detail"].replace("11010119900307803X", "〔已隐去〕"),
        )  # fmt: skip
        if edit.suspect:
            made.detail += f"(位置待核:{edit.suspect})"
        made.steps.append(str(uuid.uuid5(edit.id, "find")))
        if body.get("register"):
            step = {"step": "register"}
            if not self._moved(str(edit.id), made, step, who):
                return False
            made.steps.append(str(uuid.uuid5(edit.id, "register")))
        self.cases[str(edit.id)] = made
        return True

    def _step(self, edit: Edit, who: Who) -> bool:
        name = edit.body["case"].removeprefix(f"{COMMUNITY}.")
        identifier = next((one for one, case in self.cases.items() if name in {one, case.code}), None)
        if identifier is None or self.cases[identifier].grid not in who.grids:
            return False
        case = replace(self.cases[identifier])
        if not self._moved(identifier, case, edit.body, who):
            return False
        case.steps = [*case.steps, str(edit.id)]
        self.cases[identifier] = case
        return True

    def _moved(self, identifier: str, case: Standing, said: dict[str, Any], who: Who) -> bool:
        """Move a case by a step, by the table of moves; tell whether the table has it for these people."""
        move = _MOVES.get((case.flow, case.status, said["step"]))
        if move is None or not _OFFICES[who.role] & {str(one) for one in move.step.offices}:
            return False
        graves, level = str(move.step.graves), said.get("level")
        if any(not str(said.get(one) or "").strip() for one in move.step.requires):
            return False
        others = set(said) & set(Requirement) - {*move.step.requires, *move.step.offers}
        if others or (graves == "determined" and case.level == "suspected"):
            return False
        if (graves == "ordinary" and case.level != "01") or (graves != "determines" and level is not None):
            return False
        if move.step.name == "merge" and not self._may_be_main(identifier, said["main_code"], who):
            return False
        case.flow, case.status = str(move.target_flow), str(move.target)
        case.level = "suspected" if move.step.name == "suspect" and case.level == "01" else level or case.level
        return True

    def _may_be_main(self, identifier: str, code: str, who: Who) -> bool:
        others = [case for one, case in self.cases.items() if case.code == code and one != identifier]
        return any(case.status not in {"closed", "merged", "rejected"} and case.grid in who.grids for case in others)

    def _feature(self, edit: Edit, who: Who) -> bool:
        code, place = edit.body["properties"]["code"], edit.body["geometry"]["coordinates"]
        grid = next(one.grid for one in self.units.values() if [one.lon, one.lat] == place)
        if code in self.points or grid not in who.grids:
            return False
        self.points[code] = str(edit.id)
        return True


def is_doubtful(edit: Edit) -> bool:
    """Tell whether an edit waits for its place alone: a case that may be a major hazard doesn't."""
    return edit.suspect is not None and not (edit.kind == "case" and edit.body.get("level") in _GRAVE)


def _changes(edit: Edit) -> dict[str, Any]:
    if edit.kind != "visit":
        changes: dict[str, Any] = edit.body["properties"]
        return changes
    return dict(edit.body.get("changes", {}))
