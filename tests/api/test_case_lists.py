"""What is asked of many cases: like ones near by, the late ones first, the text for a superior, the figures."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.engine import RowMapping

from gis_service.features.question import today
from layers.rules import RULES
from tests.api.case_requests import Place, filed, step, walk


def test_like_cases_near_by_are_told(committee: TestClient, place: Place) -> None:
    first = filed(committee, place, event_code="04-06")
    near = {"event": "04-06", "lon": place.lon + 0.0002, "lat": place.lat}
    found = committee.get("/cases/similar", params=near).json()
    assert [one["code"] for one in found["cases"]] == [first["code"]]
    assert found["cases"][0]["distance_m"] == pytest.approx(19.1, abs=0.3)
    assert committee.get("/cases/similar", params={**near, "lon": place.lon + 0.0004}).json()["cases"] == []
    assert committee.get("/cases/similar", params={**near, "event": "04-07"}).json()["cases"] == []
    again = filed(committee, place, event_code="04-06")
    assert [one["code"] for one in again["similar"]] == [first["code"]]
    assert walk(committee, again, ("merge", {"main_code": first["code"]}))["status"] == "merged"
    assert step(committee, first, "merge", main_code=first["code"]).status_code == 409


def test_limits_run_in_working_time_and_late_cases_come_first(
    committee: TestClient, place: Place, copied_superuser: Engine
) -> None:
    case = filed(committee, place, register=True)
    whole = committee.get(f"/cases/{case['id']}").json()
    assert datetime.fromisoformat(whole["due_at"]) > datetime.now(UTC)
    assert not whole["overdue"]
    with copied_superuser.begin() as conn:
        conn.execute(
            text("update gis.case_step set due_at = now() - interval '1 hour' where case_id = :id"),
            {"id": case["id"].partition(".")[2]},
        )
    late = committee.get("/cases?kind=overdue&limit=1000").json()
    assert case["code"] in {one["code"] for one in late["cases"]}
    assert all(one["overdue"] for one in late["cases"])
    listed = [one["overdue"] for one in committee.get("/cases?kind=open&limit=1000").json()["cases"]]
    assert listed == sorted(listed, reverse=True)
    extended = walk(committee, case, ("extend", {"due_on": "2099-06-01", "note": "等配件"}))
    assert (extended["due_on"], extended["overdue"]) == ("2099-06-01", False)


def test_the_report_is_what_a_superior_asks_for(committee: TestClient, place: Place) -> None:
    case = filed(committee, place, level="suspected", register=True)
    walk(committee, case, ("transfer", {"department": "fire", "note": "楼道飞线"}))
    answer = committee.get(f"/cases/{case['id']}/report")
    lines = answer.text.splitlines()
    assert lines[0] == f"【疑似重大隐患上报】{case['code']}"
    assert any("拉线充电(X-FS01)" in line for line in lines)
    assert any(line.startswith("坐标:东经") and "CGCS2000" in line for line in lines)
    assert any("移交:消防救援" in line for line in lines)


SETTLED = {"closed", "rejected", "merged"}
KEYS: dict[str, Callable[[RowMapping], str]] = {
    "grid": lambda row: row["grid"] or "", "event": lambda row: row["event_code"], "all": lambda _row: "",
    "month": lambda row: f"{row['found_on']:%Y-%m}" if row["found_on"] else "",
}  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """The cases as rows, and what they went through, to be counted here."""

    rows: list[RowMapping]
    reworked: set[Any]
    transferred: set[Any]
    due_at: dict[Any, datetime | None]

    @classmethod
    def read(cls, superuser: Engine) -> Counted:
        """Read everything that figures are made of, void cases aside, which count nowhere."""
        with superuser.connect() as conn:
            rows = conn.execute(text("select * from gis.hazard where data_status <> 'void'")).mappings().all()
            passed = conn.execute(text("select id, status from gis.hazard_history")).all()
            steps = conn.execute(text("select case_id, due_at from gis.case_step order by position")).all()
        ever = {state: {row.id for row in passed if row.status == state} for state in ("rework", "transferred")}
        # Of a case's steps the last one stays.
        return cls(list(rows), ever["rework"], ever["transferred"], {row.case_id: row.due_at for row in steps})

    def late(self, row: RowMapping, on: date) -> bool:
        """Tell whether an open case is late: its step's limit is over, or the day of the whole case is."""
        if row["status"] in SETTLED:
            return False
        due_at, day = self.due_at.get(row["id"]), row["due_on"]
        if day is None and row["found_on"] is not None:
            day = row["found_on"] + timedelta(days=int(RULES["hazard.general_days"].value))
        return (due_at is not None and due_at < datetime.now(UTC)) or (day is not None and day < on)

    def figures(self, rows: list[RowMapping], on: date) -> dict[str, Any]:
        """Count the figures of some of the rows; of a rate what counts, and of how many."""
        registered = [row for row in rows if row["status"] not in {"found", "rejected", "merged"}]
        closed = [row for row in rows if row["status"] == "closed"]
        limited = [row for row in closed if row["due_on"] and row["closed_on"]]
        again = [row for row in rows if row["id"] in self.reworked]
        up = [row for row in registered if row["transferred_on"] or row["id"] in self.transferred]
        in_time = [row for row in limited if row["closed_on"] <= row["due_on"]]
        checked = {row["id"] for row in (*closed, *again)}
        return {
            "found": len(rows), "registered": len(registered), "closed": len(closed),
            "overdue": sum(self.late(row, on) for row in rows),
            "transferred_rate": (len(up), len(registered)), "closed_rate": (len(closed), len(registered)),
            "closed_in_time_rate": (len(in_time), len(limited)), "rework_rate": (len(again), len(checked)),
        }  # fmt: skip


@pytest.fixture(scope="module")
def worked(committee: TestClient, place: Place, copied_superuser: Engine) -> Counted:
    """The cases after some work: one was closed, failed and closed again, and some are late in one way each."""
    closing = (("advise", {"note": "x"}), ("ask_recheck", {"note": "x"}), ("close", {"note": "x"}))
    again = filed(committee, place, register=True)
    walk(committee, again, *closing, ("reopen", {"note": "又占了"}), *closing)
    failed = filed(committee, place, register=True)
    walk(committee, failed, *closing[:2], ("fail", {"note": "还在"}))
    walk(committee, filed(committee, place, register=True), ("transfer", {"department": "fire"}))
    ids = [filed(committee, place, register=True)["id"].partition(".")[2] for _ in range(4)]
    with copied_superuser.begin() as conn:
        for statement, those in (
            ("update gis.case_step set due_at = now() - interval '1 hour' where case_id = any(:ids)", ids[:1]),
            ("update gis.hazard set due_on = current_date - 2 where id = any(:ids)", ids[1:2]),
            # The limit of all cases, where none is recorded.
            ("update gis.hazard set due_on = null, found_on = current_date - 60 where id = any(:ids)", ids[2:]),
            ("update gis.case_step set due_at = null where case_id = any(:ids)", ids[2:]),
            ("update gis.hazard set data_status = 'void' where id = any(:ids)", ids[3:]),
        ):
            assert conn.execute(text(statement), {"ids": [uuid.UUID(one) for one in those]}).rowcount > 0, statement
    return Counted.read(copied_superuser)


@pytest.mark.parametrize("by", KEYS)
def test_figures_are_what_python_counts(committee: TestClient, worked: Counted, by: str) -> None:
    days = sorted(row["found_on"] for row in worked.rows if row["found_on"])
    middle, later = days[len(days) // 3], days[2 * len(days) // 3]
    for since, until in ((None, None), (middle, None), (None, later), (middle, later)):
        asked = {name: day for name, day in (("since", since), ("until", until)) if day}
        groups: dict[str, list[RowMapping]] = {}
        for row in worked.rows:
            found = row["found_on"]
            if (since is None or (found and found >= since)) and (until is None or (found and found <= until)):
                groups.setdefault(KEYS[by](row), []).append(row)
        assert sum(map(len, groups.values())) > 0
        answer = committee.get("/cases/figures", params={"by": by, **asked}).json()
        told = {one["key"]: told_of(one) for one in answer["rows"]}
        assert told == {key: worked.figures(rows, today()) for key, rows in groups.items()}, asked


def told_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a row of figures tells, once its rates are seen to be what their two numbers give."""
    told = {name: value for name, value in row.items() if name not in {"key", "title"}}
    for name, rate in told.items():
        if isinstance(rate, dict):
            counted, of = rate["counted"], rate["of"]
            assert rate["value"] == (pytest.approx(counted / of, abs=5e-5) if of else None)
            told[name] = (counted, of)
    return told
