"""The calendar on the command line and over HTTP: shown, loaded, warned of, and each community's own."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from gis_service.cases.work_calendar import PUBLISHED
from gis_service.database import Database
from gis_service.deployment import check_calendars
from gis_service.scope import Scope
from tests.api.conftest import Command
from tests.conftest import TEST_COMMUNITY
from tests.local_client import LOCAL, signed_in

UNKNOWN = max(PUBLISHED.known) + 1
OTHER = "330482002098"
NOTICE = f"国务院办公厅关于{UNKNOWN}年部分节假日安排的通知"


def written(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    path = folder / "明年.csv"
    path.write_text("\n".join(("日期,类型,名称,依据", *rows)), encoding=encoding)
    return path


def whole(*more: str) -> list[str]:
    return [*(f"{UNKNOWN}-{day},休,节日,{NOTICE}" for day in ("01-01", "05-01", "10-01")), *more]


@pytest.fixture(autouse=True)
def _none(area: str, superuser: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert area == TEST_COMMUNITY
    monkeypatch.setenv("COLUMNS", "200")
    with superuser.begin() as conn:
        conn.execute(text("delete from gis.work_day"))


def test_a_year_is_shown_with_where_each_day_comes_from(command: Command, tmp_path: Path) -> None:
    ran = command("calendar", "show", 2026)
    assert (ran.code, "注意" in ran.out) == (0, False)
    rows = re.findall(r"^│ (2026-\S+) +│ (\S) +│ (\S) +│ (\S+) +│ (\S+)", ran.out, re.MULTILINE)
    assert len(rows) == 33 + 6
    assert rows[[row[0] for row in rows].index("2026-02-28")][:4] == ("2026-02-28", "六", "班", "春节调休")
    # A narrow terminal breaks the rest.
    notice = "国务院办公厅关于2026年部分"
    assert [row for row in rows if not row[4].startswith(notice)] == []
    assert command("calendar", "load", written(tmp_path, "2026-11-30,休,社区[bold]日,街道通知")).code == 0
    ran = command("calendar", "show", 2026, "--community", TEST_COMMUNITY)
    assert re.search(r"│ 2026-11-30 │ 一 +│ 休 +│ 社区\[bold\]日 │ 街道通知\(本社区\)", ran.out), ran.out


def test_a_year_that_nobody_told_of_is_warned_of_until_it_is_loaded(command: Command, tmp_path: Path) -> None:
    ran = command("calendar", "show", UNKNOWN)
    assert ran.code == 0
    assert ran.out.startswith(f"注意:{UNKNOWN} 年的节假日安排还不全,没有写到的日子只按周末推算;")
    path = written(tmp_path, *whole(f"{UNKNOWN}-01-02,班,元旦调休,{NOTICE}")[1:], encoding="gbk")
    ran = command("calendar", "load", path)
    assert ran.out.startswith(
        f"已装入 {TEST_COMMUNITY} {UNKNOWN} 年:休 2 天,班 1 天;新增或改动 3 天,去掉原有的 0 天。\n"
    )
    assert f"注意:{UNKNOWN} 年" in ran.out, "without 1 January it isn't a whole year"
    ran = command("calendar", "load", written(tmp_path, *whole(), encoding="utf-8-sig"))
    assert ran.out == f"已装入 {TEST_COMMUNITY} {UNKNOWN} 年:休 3 天,班 0 天;新增或改动 1 天,去掉原有的 1 天。\n"
    assert "注意" not in command("calendar", "show", UNKNOWN).out


def test_a_bad_row_is_named_and_nothing_is_written(command: Command, tmp_path: Path, superuser: Engine) -> None:
    assert command("calendar", "load", written(tmp_path, "2026-11-30,休,社区日,街道通知")).code == 0
    ran = command(
        "calendar", "load", written(tmp_path, *whole(), "2026-12-01,休,社区日,街道通知", "2026-13-01,休,甲,乙")
    )
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "明年.csv 第 6 行的日期 '2026-13-01' 看不懂;请写成 2027-01-01。\n"
    with superuser.connect() as conn:
        assert list(conn.execute(text("select day from gis.work_day")).scalars()) == [date(2026, 11, 30)]
    assert command("calendar", "show", 99999).err == "年份 99999 太远;请写四位数的年份,例如 2026。\n"
    assert "没有社区 330482002097" in command("calendar", "show", 2026, "--community", "330482002097").err


def test_a_year_over_http(database: Database, command: Command, tmp_path: Path, superuser: Engine) -> None:
    with superuser.begin() as conn:
        conn.execute(text(f"insert into gis.area (code, name, metric_srid) values ('{OTHER}', '别处', 4549)"))
    path = written(tmp_path, "2026-11-30,休,社区日,街道通知")
    assert command("calendar", "load", path, "--community", TEST_COMMUNITY).code == 0
    with TestClient(create_app(database), **LOCAL) as client:
        assert client.get("/calendar/2026").status_code == 401
        client.headers.update(signed_in(database, TEST_COMMUNITY + "001", role="grid_worker", name="worker"))
        answer = client.get("/calendar/2026")
        said = answer.json()
        assert (said["community"], said["year"], said["known"]) == (TEST_COMMUNITY, 2026, True)
        assert len(said["days"]) == 33 + 6 + 1
        assert said["days"][-1] == {
            "date": "2026-11-30", "working": False, "name": "社区日", "basis": "街道通知", "own": True,
        }  # fmt: skip
        assert [day["date"] for day in said["days"]] == sorted(day["date"] for day in said["days"])
        assert client.get("/calendar/2026", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert client.get(f"/calendar/{UNKNOWN}").json()["known"] is False
        assert client.get("/calendar/2026", params={"community": OTHER}).status_code == 404
        assert {client.get(f"/calendar/{year}").status_code for year in ("1899", "2200", "x", "2026.5")} == {400}
        client.headers.update(signed_in(database, OTHER, name="stranger"))
        answer = client.get("/calendar/2026")
        assert (answer.json()["community"], "社区日" in answer.text) == (OTHER, False)
        assert client.get("/calendar/2026", params={"community": TEST_COMMUNITY}).status_code == 404
        client.headers.update(signed_in(database, TEST_COMMUNITY, role="admin", name="chief"))
        assert client.get("/calendar/2026").status_code == 403
    with superuser.begin() as conn:
        conn.execute(text(f"delete from gis.area where code = '{OTHER}'"))


def test_doctor_says_which_year_is_missing(command: Command, database: Database, tmp_path: Path) -> None:
    with database.read(Scope("operator", "operator", (TEST_COMMUNITY,))) as conn:
        assert check_calendars(conn, date(UNKNOWN - 1, 10, 31)).good
        check = check_calendars(conn, date(UNKNOWN - 1, 11, 1))
    assert (check.good, check.needed) == (False, False)
    assert f"{UNKNOWN} 年({TEST_COMMUNITY})" in check.said
    assert command("calendar", "load", written(tmp_path, *whole())).code == 0
    with database.read(Scope("operator", "operator", (TEST_COMMUNITY,))) as conn:
        assert check_calendars(conn, date(UNKNOWN - 1, 11, 1)).good
    assert re.search(r"^│ 工作日历 +│ (OK|WARN) +│", command("doctor").out, re.MULTILINE)
