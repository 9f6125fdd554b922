"""Phones without a signal: what their owners do by an old copy of the register, in all kinds, sense and nonsense."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sync.applying import Edit
from layers.catalog.hazard import HazardFlow
from layers.flows import FIRST_STEP, FLOWS

FIELDS = (
    "tenant_count",
    "registered_count",
    "remark",
    "rent_status",
    "kin_household",
    "usable_area_m2",
    "grade_reasons",
)
"""Fields of rental units that both phones change."""
STEPS = [step for flow in FLOWS.values() for step in flow.steps if step.name != FIRST_STEP]
EVENTS = ("X-FS01", "X-FS02", "01-01", "04-08")
DOUBTS = ("两次定位之间的速度为 180 千米/时", "系统时间比服务器快 2 小时")
"""Why a place oughtn't be relied on."""


@dataclass(frozen=True)
class Unit:
    """One of the few rental units that both phones are at."""

    id: str
    code: str
    grid: str
    lon: float
    lat: float


def read_units(superuser: Engine, grids: dict[str, int]) -> list[Unit]:
    """Return so many units of each of these grids."""
    with superuser.connect() as conn:
        return [
            Unit(str(row.id), row.code, row.grid, row.lon, row.lat)
            for grid, number in grids.items()
            for row in conn.execute(
                text("select id, code, grid, st_x(geom) as lon, st_y(geom) as lat from gis.rental_unit"
                     " where grid = :grid order by code limit :number"),
                {"grid": grid, "number": number},
            )
        ]  # fmt: skip


def read_values(superuser: Engine, units: list[Unit]) -> dict[str, tuple[int, dict[str, Any]]]:
    """Return version and fields of units, by their identifier, as the database has them now."""
    names = ", ".join((*FIELDS, "tenant_count_as_of"))
    with superuser.connect() as conn:
        rows = conn.execute(
            text(f"select id, version, {names} from gis.rental_unit where id = any(cast(:ids as uuid[]))"),
            {"ids": [unit.id for unit in units]},
        ).mappings()
        return {str(row["id"]): (row["version"], {n: row[n] for n in (*FIELDS, "tenant_count_as_of")}) for row in rows}


@dataclass
class Phone:
    """What one worker has: an old copy, cases that they know of, and the edits that nobody has acknowledged yet.

    Attributes
    ----------
    copy, shown
        Version and values of each unit when the phone last had a signal, and what it shows since its owner's changes.
    cases
        Identifier, code and supposed flow and state of the cases that this phone knows of.
    made
        Every edit, in the order in which they were made.
    """

    scope: Scope
    units: list[Unit]
    draw: random.Random
    superuser: Engine
    copy: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, tuple[str, HazardFlow, str]] = field(default_factory=dict)
    made: list[Edit] = field(default_factory=list)

    def refresh(self) -> None:
        """Come into the network for a moment: copy the units, and the cases of today."""
        self.copy = read_values(self.superuser, self.units)
        self.shown = {unit: dict(values) for unit, (_, values) in self.copy.items()}
        with self.superuser.connect() as conn:
            for row in conn.execute(
                text("select id, code, flow, status from gis.hazard h where exists (select from gis.sync_edit e"
                     " where e.id = h.id) order by recorded_at desc limit 12")
            ):  # fmt: skip
                self.cases[str(row.id)] = (row.code, HazardFlow(row.flow), row.status)

    def make(self, number: int) -> list[Edit]:
        """Make so many edits and return them."""
        kinds = (
            self._case,
            self._step,
            self._step,
            self._visit,
            self._change,
            self._change,
            self._feature,
            self._nonsense,
        )
        made = [self.draw.choice(kinds)() for _ in range(number)]
        self.made += made
        return made

    def _edit(self, kind: str, body: dict[str, Any]) -> Edit:
        at = datetime.now(UTC) + timedelta(seconds=self.draw.uniform(-90_000, -1))
        identifier = uuid.UUID(int=self.draw.getrandbits(128), version=4)
        suspect = self.draw.choice(DOUBTS) if self.draw.random() < 0.12 else None
        return Edit(id=identifier, kind=kind, made_at=at, body=body, suspect=suspect)

    def _unit(self) -> Unit:
        """Return a unit, mostly one of the worker's own area."""
        own = [unit for unit in self.units if any(map(unit.grid.startswith, self.scope.areas))]
        return self.draw.choice(own if self.draw.random() < 0.9 else self.units)

    def _case(self) -> Edit:
        unit = self._unit()
        body = {"event_code": self.draw.choice(EVENTS), "lon": unit.lon, "lat": unit.lat, "detail": "拉线充电"}
        if self.draw.random() < 0.5:
            body |= {"rental_code": unit.code, "level": self.draw.choice(("01", "01", "suspected"))}
        if self.draw.random() < 0.4:
            body["register"] = True
        if self.draw.random() < 0.15:
            body["flow"] = "street"
        edit = self._edit("case", body)
        state = "registered" if body.get("register") and body.get("flow") != "street" else "found"
        self.cases[str(edit.id)] = ("", HazardFlow(str(body.get("flow", "community"))), state)
        return edit

    def _step(self) -> Edit:
        if not self.cases:
            return self._case()
        case = self.draw.choice(list(self.cases)[-8:])
        code, flow, state = self.cases[case]
        fitting = [step for step in FLOWS[flow].steps if state in step.sources and step.name != FIRST_STEP]
        step = self.draw.choice(fitting if fitting and self.draw.random() < 0.85 else STEPS)
        body: dict[str, Any] = {"case": f"{COMMUNITY}.{code or case}", "step": step.name}
        for one in (*step.requires, *(one for one in step.offers if self.draw.random() < 0.3)):
            if self.draw.random() < 0.95:
                body[one.value] = self._said(one.value)
        if step.target is not None:
            self.cases[case] = (code, step.target_flow or flow, step.target)
        return self._edit("step", body)

    def _said(self, name: str) -> str:
        day = datetime.now(UTC).date() + timedelta(days=self.draw.randint(-3, 30))
        codes = [code for code, _, _ in self.cases.values() if code] or ["AJ20200101-00000000"]
        return {
            "note": self.draw.choice(("现场看过", "复查", "  ")), "handler": "网格长", "department": "fire",
            "reference": "消〔2026〕7 号", "due_on": day.isoformat(), "level": self.draw.choice(("01", "02")),
            "main_code": self.draw.choice(codes),
        }[name]  # fmt: skip

    def _visit(self) -> Edit:
        unit = self._unit()
        body: dict[str, Any] = {
            "target_kind": "rental_unit",
            "target_code": unit.code,
            "outcome": self.draw.choice(("01", "02", "03")),
        }
        if self.draw.random() < 0.6:
            body |= self._changed(unit, "changes")
        if self.draw.random() < 0.1:
            body |= {"checked_count": 3, "correct_count": self.draw.choice((2, 5))}
        return self._edit("visit", body)

    def _change(self) -> Edit:
        unit = self._unit()
        name = self.draw.choice((unit.id, unit.code))
        body = {"layer": "rental_unit", "feature": f"{COMMUNITY}.{name}"}
        return self._edit("change", {**body, **self._changed(unit, "properties")})

    def _changed(self, unit: Unit, member: str) -> dict[str, Any]:
        """Return changes, and what they were made on; the phone shows them from then on."""
        found = {member: self._changes(), **self._basis(unit)}
        self.shown[unit.id] |= found[member]
        return found

    def _basis(self, unit: Unit) -> dict[str, Any]:
        """Return the version of the copy, or what the copy shows, or both, or nothing."""
        version, values = self.copy[unit.id]
        shown = {name: self.draw.choice((values, self.shown[unit.id]))[name] for name in FIELDS}
        return self.draw.choice(
            ({"base": version}, {"base": version}, {"base": version, "before": shown}, {"before": shown}, {},
             {"base": version + 2**40, "before": shown})
        )  # fmt: skip

    def _changes(self) -> dict[str, Any]:
        return {name: self._value(name) for name in self.draw.sample(FIELDS, self.draw.choice((1, 1, 2, 3)))}

    def _value(self, name: str) -> Any:
        values: dict[str, tuple[Any, ...]] = {
            "tenant_count": (0, 3, 7, 12, None), "registered_count": (0, 2, 5), "remark": ("甲", "乙", None),
            "rent_status": ("let", "vacant", "ended"), "kin_household": (True, False, None),
            "usable_area_m2": (20.5, 31.25, 48.0), "grade_reasons": (["F1"], ["F1", "G2"], None),
        }  # fmt: skip
        return self.draw.choice(values[name])

    def _feature(self) -> Edit:
        unit = self._unit()
        properties = {"code": f"SY-{self.draw.randrange(60):02}", "kind": "timed", "bins": self.draw.randrange(9)}
        point = {"type": "Point", "coordinates": [unit.lon, unit.lat]}
        return self._edit("feature", {"layer": "waste_point", "properties": properties, "geometry": point})

    def _nonsense(self) -> Edit:
        unit = self._unit()
        kind, body = self.draw.choice(nonsense(unit, list(self.cases)[-1] if self.cases else unit.id))
        return self._edit(kind, body)


def nonsense(unit: Unit, case: str) -> list[tuple[str, dict[str, Any]]]:
    """Return edits that can't be written, whoever sends them and whatever the rows are."""
    feature, here = f"{COMMUNITY}.{unit.id}", {"lon": unit.lon, "lat": unit.lat}
    change = {"layer": "rental_unit", "feature": feature, "base": 1}
    visit = {"target_kind": "rental_unit", "target_code": unit.code}
    return [
        ("dance", {"x": [1, {"y": None}]}), ("step", {}), ("case", {"event_code": "X-FS01"}),
        ("case", {"event_code": "99-99", **here}), ("case", {"event_code": "X-FS01", "lon": 0.5, "lat": 89.9}),
        ("case", {"event_code": "X-FS01", "level": "02", **here}),
        ("case", {"event_code": "X-FS01", "at": "0001-01-01T00:00:00+14:00", **here}),
        ("case", {"event_code": "X-FS01", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}),
        ("case", {"event_code": "X-FS01", "detail": "证件 11010119900307803X", **here}),
        ("step", {"case": f"{COMMUNITY}.{case}", "step": "fly"}),
        ("step", {"case": f"{COMMUNITY}.{uuid.UUID(int=7)}", "step": "note", "note": "没有的案件"}),
        ("step", {"case": f"{COMMUNITY}.{case}", "step": "note", "note": "早", "at": "0001-01-01T00:00:00+14:00"}),
        ("step", {"case": f"{COMMUNITY}.{case}", "step": "note", "note": "长" * 2001}),
        ("visit", {**visit, "target_code": "没有"}), ("visit", {**visit, "changes": {"moon": 1}}),
        ("visit", {**visit, "changes": {"tenant_count": "many"}}), ("visit", {**visit, "counted": -1}),
        ("visit", {**visit, "at": "0001-01-01T00:00:00+14:00"}), ("visit", {**visit, "target_kind": "other"}),
        ("change", {**change, "properties": {"tenant_count": -5}}), ("change", {**change, "properties": {"moon": 1}}),
        ("change", {**change, "properties": {"tenant_count": 10**18}}), ("change", {**change, "layer": "moon"}),
        ("change", {**change, "properties": {"id": 1}}), ("change", {**change, "properties": {"landlord_name": "某"}}),
        ("change", {**change, "feature": "x"}),
        ("change", {**change, "layer": "hazard", "feature": f"{COMMUNITY}.{case}", "properties": {"status": "closed"}}),
        ("feature", {"layer": "waste_point", "properties": {"code": "", "kind": "timed"}, "geometry": {}}),
        ("feature", {"layer": "waste_point", "properties": {"kind": "timed"}, "geometry": None}),
    ]  # fmt: skip


def is_nonsense(edit: Edit, units: list[Unit]) -> bool:
    """Tell whether an edit is one of those that can't be written whatever happens."""
    case = str(edit.body.get("case", edit.body.get("feature", ""))).removeprefix(f"{COMMUNITY}.")
    return any((edit.kind, edit.body) in nonsense(unit, case) for unit in units)
