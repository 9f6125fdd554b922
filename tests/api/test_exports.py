"""Exports by HTTP and by command: asked for, made by a worker, compared with today, seen by the right people."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest
import shapely
from fastapi.testclient import TestClient
from pptx import Presentation
from pypdf import PdfReader, PdfWriter
from sqlalchemy import text

from api.app import create_app
from api.handlers import work
from api.sheet_ground import read_ground
from api.sheet_making import make_in_background
from api.worker import Places, tidy
from gis_service import jobs
from gis_service.analysis.answer import Theme
from gis_service.analysis.catalog import ANALYSES
from gis_service.areas import create_area, read_area
from gis_service.database import Database
from gis_service.features.question import today
from gis_service.features.write import put_features
from gis_service.jobs import unfinished
from gis_service.people.audit import list_audit
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sheets.files import SheetFiles
from gis_service.sheets.records import EXPORT_JOB, SheetOrder
from gis_service.surveys.originals import Originals
from layers.field import Kind
from layers.registry import LAYERS
from maps.atlas import MAPS
from maps.sheets import lettering
from tests.api.conftest import Command
from tests.gis_service.example_rows import example_record
from tests.local_client import OPERATOR, local

EAST, WEST = f"{COMMUNITY}003", f"{COMMUNITY}005"
HAMLET = "330482002012"
HTML = {"Accept": "text/html"}
ORDER = SheetOrder("overview", "pdf", "A4", "landscape", today())


@dataclass(frozen=True)
class Office:
    """The application on a copy of the sample, and clients of its people."""

    database: Database
    places: Places
    client: Callable[..., TestClient]

    def work(self) -> int:
        return work(self.database, self.places)


@pytest.fixture(scope="module")
def office(copied: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    places = Places(Originals(folder / "uploads"), SheetFiles(folder / "exports"), "https://map.example/")
    app = create_app(copied, originals=places.originals, sheets=places.sheets, author="某社区")
    opened: list[TestClient] = []

    def client(*areas: str, role: str = "staff", name: str = "tester") -> TestClient:
        made = TestClient(app, follow_redirects=False, **local(copied, *areas, role=role, name=name))
        opened.append(made)
        made.__enter__()
        return made

    yield Office(copied, places, client)
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture(scope="module")
def staff(office: Office) -> TestClient:
    return office.client(COMMUNITY)


def ask(client: TestClient, **wanted: Any) -> dict[str, Any]:
    answer = client.post("/exports", json={"name": "overview", "paper": "A4", "format": "svg", **wanted})
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/exports/{document['id']}"
    return document


def test_a_sheet_is_asked_for_made_and_downloaded(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="hazards", format="pdf", scale="25000", on="2026-11-01")
    assert (asked["state"], asked["file"], asked["sha256"]) == ("waiting", None, None)
    assert staff.get(f"/exports/{asked['code']}/file").status_code == 409
    waiting = staff.get(f"/exports/{asked['code']}", headers=HTML)
    assert waiting.headers["refresh"] == "2"
    assert "等着出" in waiting.text
    assert office.work() == 1
    done = staff.get(f"/exports/{asked['id']}").json()
    assert (done["state"], done["scale"], done["on"], done["title"]) == ("done", 25000, "2026-11-01", "新群社区隐患")
    assert (done["job"]["done"], done["job"]["total"]) == (3, 3)
    file = staff.get(done["file"])
    assert file.headers["content-type"] == "application/pdf"
    assert f'filename="{done["code"]}.pdf"' in file.headers["content-disposition"]
    assert hashlib.sha256(file.content).hexdigest() == done["sha256"]
    assert len(file.content) == done["bytes"]
    document = pypdfium2.PdfDocument(file.content)
    held = document[0].get_textpage().get_text_bounded().replace("\r\n", "")
    assert done["code"] in held
    assert "1:25,000" in held
    document.close()
    preview = staff.get(done["preview"])
    assert preview.content.startswith(b"\x89PNG")
    page = staff.get(f"/exports/{done['code'].lower()}", headers=HTML)
    assert "refresh" not in page.headers
    assert done["sha256"] in page.text
    assert "img-src 'self'" in page.headers["content-security-policy"]
    listed = staff.get("/exports").json()["exports"]
    assert done["id"] in {one["id"] for one in listed}
    assert done["code"] in staff.get("/exports?name=hazards", headers=HTML).text


def test_what_changed_since_is_told(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="hazards")
    office.work()
    before = {one["title"]: one for one in staff.get(f"/exports/{asked['id']}").json()["since"]}
    assert before["未办结"]["then"] == before["未办结"]["now"]
    with office.database.write(Scope("li", "staff", (COMMUNITY,))) as conn:
        gone = conn.execute(text("delete from gis.hazard where id in (select id from gis.hazard where closed_on is null"
                                 " limit 5)")).rowcount  # fmt: skip
    assert gone == 5
    found = staff.get(f"/exports/{asked['id']}").json()["since"]
    after = {one["title"]: one for one in found}["未办结"]
    assert after["then"] == before["未办结"]["then"]
    assert after["then"] - after["now"] == 5
    assert "<strong>-5</strong>" in staff.get(f"/exports/{asked['id']}", headers=HTML).text


@pytest.mark.long
def test_a_worker_gets_a_sheet_of_their_own_grid_only(office: Office, staff: TestClient) -> None:
    mine, other = (office.client(grid, role="grid_worker", name=f"w{grid[-3:]}") for grid in (EAST, WEST))
    asked = ask(mine, grid=EAST)
    assert office.work() == 1
    done = mine.get(f"/exports/{asked['id']}").json()
    assert (done["state"], done["areas"], done["problem"]) == ("done", [EAST], None)
    rows = {one["title"]: one["then"] for one in done["since"]}
    with office.database.read(Scope("w", "grid_worker", (EAST,))) as conn:
        own = conn.execute(text("select count(*) from gis.rental_unit")).scalar_one()
    assert rows["出租房"] == own
    assert own < staff.get("/collections/rental_unit/items?limit=1").json()["numberMatched"]
    # Another grid's worker has no such sheet, nor its file, picture or row in the list.
    for path in ("", "/file", "/preview"):
        assert other.get(f"/exports/{asked['id']}{path}").status_code == 404
    assert other.post(f"/exports/{asked['id']}/delete").status_code == 404
    assert other.get("/exports").json()["exports"] == []
    # Whoever has the whole community sees it, and isn't told differences that would be those of other rows.
    seen = staff.get(f"/exports/{asked['id']}").json()
    assert (seen["state"], seen["since"]) == ("done", [])
    # The worker in turn sees none of the whole community.
    whole = ask(staff)
    assert mine.get(f"/exports/{whole['id']}").status_code == 404
    document = pypdfium2.PdfDocument(mine.get(mine.get(f"/exports/{pdf_of(mine, office)}").json()["file"]).content)
    held = document[0].get_textpage().get_text_bounded()
    document.close()
    assert "只含网格 003" in held
    assert "全社区" not in held
    # What is for outside isn't made by somebody who sees a part.
    refused = mine.post("/exports", json={"name": "public_density"})
    assert refused.status_code == 403
    assert office.client(COMMUNITY, role="admin", name="boss").get("/exports").status_code == 403


def pdf_of(client: TestClient, office: Office) -> str:
    asked = ask(client, format="pdf")
    assert office.work() >= 1
    return str(asked["id"])


def test_a_sheet_is_cancelled_and_deleted(office: Office, staff: TestClient) -> None:
    office.work()
    asked = ask(staff)
    assert staff.post(f"/exports/{asked['code']}/delete").status_code == 204
    assert unfinished(office.database) == []
    assert staff.get(f"/exports/{asked['code']}").status_code == 404
    form = {"name": "overview", "paper": "A4", "format": "png", "orientation": "portrait", "grid": EAST}
    sent = staff.post("/exports", data=form, headers=HTML)
    assert sent.status_code == 303
    office.work()
    assert staff.get(f"{sent.headers['location']}/file").content.startswith(b"\x89PNG")
    kept = len(list(office.places.sheets.folder.iterdir()))
    # Only whoever made it, or may change the community's data, deletes it.
    assert office.client(EAST, role="grid_worker", name="passer").post(
        f"{sent.headers['location']}/delete").status_code in {403, 404}  # fmt: skip
    assert office.client(COMMUNITY, role="leader", name="head").post(
        f"{sent.headers['location']}/delete").status_code == 403  # fmt: skip
    back = staff.post(f"{sent.headers['location']}/delete", headers=HTML)
    assert (back.status_code, back.headers["location"]) == (303, "/exports")
    assert len(list(office.places.sheets.folder.iterdir())) == kept - 2
    # Whoever holds the paper still finds what it was made of.
    page = staff.get(sent.headers["location"], headers=HTML)
    assert "文件不在这里" in page.text
    assert "since" in staff.get(sent.headers["location"]).json()
    with office.database.read(OPERATOR) as conn:
        entries = [
            entry for link in list_audit(conn, limit=50) for entry in link.entries if entry["subject"] == "export"
        ]
    assert {"insert", "delete"} <= {entry["operation"] for entry in entries}
    assert any(entry["detail"].startswith("overview png") for entry in entries)


def test_a_book_has_a_sheet_for_each_grid_and_goes_on_after_a_kill(office: Office) -> None:
    with office.database.write(Scope("li", "staff", (HAMLET,))) as conn:
        create_area(conn, HAMLET, "小村", shapely.box(121.1, 30.6, 121.12, 30.61))
        for number, west in ((1, 121.1), (2, 121.11)):
            record = example_record(
                LAYERS["grid"], code=f"{HAMLET}00{number}", name=f"第{number}网格", level="governance"
            )
            put_features(conn, LAYERS["grid"], HAMLET, [(record, shapely.box(west, 30.6, west + 0.01, 30.61))])
    staff = office.client(HAMLET, name="villager")
    asked = ask(staff, grid="all", format="pdf", community=HAMLET)
    # As a kill leaves it: the first pages are there, and one is half drawn.
    ground = read_ground(office.database, Scope("t", "staff", (HAMLET,)), HAMLET, ORDER)
    identifier = uuid.UUID(asked["id"])
    first = office.places.sheets.draft(identifier, f".0.{ground.digest}.page")
    PdfWriter(clone_from=io.BytesIO(_page())).write(first)
    office.places.sheets.draft(identifier, f".1.{ground.digest}.drawing").write_bytes(b"%PDF-half")
    assert office.work() == 1
    done = staff.get(f"/exports/{asked['id']}").json()
    assert (done["state"], done["title"]) == ("done", "小村一张图图册")
    assert (done["job"]["done"], done["job"]["total"]) == (4, 4)
    book = PdfReader(io.BytesIO(staff.get(done["file"]).content))
    outline: Any = book.outline
    assert [str(one.title) for one in outline] == ["索引:整个社区", "第1网格", "第2网格"]
    assert len(book.pages) == 3
    # The page that was there was taken as it is; the others are of their grids.
    assert book.pages[0].extract_text().strip() == ""
    for number in (1, 2):
        assert f"小村第{number}网格" in book.pages[number].extract_text().replace(" ", "")
    assert [path for path in office.places.sheets.folder.glob(f"{identifier}*") if "part" in path.name] == []
    refused = staff.post("/exports", json={"grid": "all", "format": "png"})
    assert "图册只有 PDF" in refused.json()["detail"]


def _page() -> bytes:
    held = io.BytesIO()
    blank = PdfWriter()
    blank.add_blank_page(842, 595)
    blank.write(held)
    return held.getvalue()


def test_a_workbook_holds_the_figures_and_runs_nothing(office: Office, staff: TestClient) -> None:
    with office.database.write(Scope("li", "staff", (COMMUNITY,))) as conn:
        changed = conn.execute(
            text("update gis.enterprise_plot set name = '=1+1', code = '=cmd|x' where code = (select min(code)"
                 " from gis.enterprise_plot where drainage is not null) returning code")
        ).rowcount  # fmt: skip
    assert changed == 1
    drainage, overview = ask(staff, name="drainage", format="xlsx"), ask(staff, format="xlsx")
    assert office.work() == 2
    done = staff.get(f"/exports/{drainage['id']}").json()
    assert (done["state"], done["scale"], done["title"]) == ("done", None, "新群社区雨污混流")
    book = openpyxl.load_workbook(io.BytesIO(staff.get(done["file"]).content))
    answer = read_ground(
        office.database, Scope("t", "staff", (COMMUNITY,)), COMMUNITY, replace(ORDER, name="drainage")
    ).answer
    assert answer is not None
    front = [[cell.value for cell in row] for row in book["说明"].iter_rows()]
    assert front[0][0] == "新群社区雨污混流"
    assert {"内部资料 注意保管", "含合成数据 示意", f"编号 {done['code']}"} <= {row[0] for row in front}
    facts = {row[0]: row[1] for row in front}
    assert all(facts[fact.title] == ("无数据" if fact.value is None else fact.value) for fact in answer.facts)
    assert any(str(row[0]).startswith("阈值:") for row in front) == bool(answer.rules)
    assert len(book.sheetnames) == 1 + len(answer.themes)
    for sheet, theme in zip(book.worksheets[1:], answer.themes, strict=True):
        _check_table(sheet, theme)
    by_grid = openpyxl.load_workbook(io.BytesIO(staff.get(f"/exports/{overview['id']}/file").content))["各网格"]
    rows = [[cell.value for cell in row] for row in by_grid.iter_rows()]
    at = rows[0].index("出租房(个)")
    assert [row[0] for row in rows[1:7]] == [f"{COMMUNITY}00{number}" for number in range(1, 7)]
    with office.database.read(Scope("t", "staff", (COMMUNITY,))) as conn:
        counted = conn.execute(text("select grid, count(*) from gis.rental_unit where grid is not null group by 1"))
        counts: dict[str, int] = dict(counted.tuples().all())
    assert [row[at] for row in rows[1:7]] == [counts.get(row[0], 0) for row in rows[1:7]]
    assert (
        rows[8][at]
        == f"=SUBTOTAL(109,{openpyxl.utils.get_column_letter(at + 1)}2:{openpyxl.utils.get_column_letter(at + 1)}8)"
    )


@pytest.mark.long
def test_libreoffice_opens_workbooks_and_reckons_the_same_sums(
    office: Office, staff: TestClient, tmp_path: Path
) -> None:
    asked = []
    for name in MAPS:
        asked.append(ask(staff, name=name, format="xlsx"))
        assert office.work() == 1
    files = [tmp_path / f"{one['name']}.xlsx" for one in asked]
    for one, path in zip(asked, files, strict=True):
        path.write_bytes(staff.get(f"/exports/{one['id']}/file").content)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx",
               "--outdir", str(tmp_path / "opened"), *map(str, files)]  # fmt: skip
    opened = subprocess.run(command, check=True, capture_output=True, text=True, timeout=500)
    assert "rror" not in opened.stderr, opened.stderr
    sums = 0
    for path in files:
        # What xlsxwriter has stored as a formula's result is what LibreOffice has reckoned anew.
        written, again = (
            openpyxl.load_workbook(one, data_only=True) for one in (path, tmp_path / "opened" / path.name)
        )
        assert again.sheetnames == written.sheetnames
        for sheet in written.worksheets:
            rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
            others = [[cell.value for cell in row] for row in again[sheet.title].iter_rows(max_col=sheet.max_column)]
            for row, other in zip(rows, others, strict=False):
                for value, shown in zip(row, other, strict=True):
                    same = pytest.approx(value) if isinstance(value, int | float) else value
                    assert shown == same or (not value and not shown), (path.name, sheet.title)
            assert len(others) >= len(rows)
        formulas = openpyxl.load_workbook(tmp_path / "opened" / path.name)
        sums += sum(cell.data_type == "f" for sheet in formulas for row in sheet.iter_rows() for cell in row)
    assert sums > 20


def _check_table(sheet: Any, theme: Theme) -> None:
    """Every feature is a row, every text a text, numbers are numbers; the head stays in view and can be filtered."""
    features = [one["properties"] for one in json.loads(theme.features)["features"]]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_row=len(features) + 1)]
    assert sheet.freeze_panes == "B2"
    for row, one in zip(rows, features, strict=bool(features)):
        for value, column in zip(row, theme.columns, strict=False):
            told = one.get(column.name)
            if (column.codes is None and isinstance(told, int | float) and not isinstance(told, bool)) or (
                column.codes is None and isinstance(told, str)
            ):
                assert (value.date().isoformat() if column.kind is Kind.DATE else value) == told
    if features:
        assert sheet.auto_filter.ref is not None
    formulas = [
        cell.value for row in sheet.iter_rows(max_row=len(features) + 1) for cell in row if cell.data_type == "f"
    ]
    assert formulas == []


def test_what_cannot_be_made_says_why(office: Office, staff: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, said in (
        ({"name": "nothing"}, "overview、due"), ({"paper": "B5"}, "A4、A3、A1"), ({"format": "x"}, "svg、xlsx"),
        ({"scale": "1234"}, "scale"), ({"on": "昨天"}, "2026-11-23"), ({"on": "9999-12-31"}, "太远"),
        ({"as_of": "昨天"}, "2026-11-23"), ({"as_of": str(today())}, "还没有过完"), ({"grid": "xyz"}, "没有网格 xyz"),
        ({"format": "xlsx", "grid": EAST}, "不分网格"),
        ({"name": "public_density", "grid": EAST}, "不分网格"),
        ({"author": "x" * 61}, "最多 60"),
        ({"papper": "A4"}, "papper"), ({"community": "330482002099"}, "330482002099"),
    ):  # fmt: skip
        answer = staff.post("/exports", json=wrong)
        assert answer.status_code in {400, 404}, wrong
        assert said in answer.json()["detail"], wrong
    foreign = office.client(EAST, role="grid_worker", name="curious").post("/exports", json={"grid": WEST})
    assert (foreign.status_code, "没有网格" in foreign.json()["detail"]) == (404, True)
    late = ask(staff, scale="500")
    assert office.work() == 1
    assert "太大,这张纸放不下" in staff.get(f"/exports/{late['id']}").json()["problem"]
    monkeypatch.setattr(lettering, "FAMILIES", ("No Such Font",))
    lettering.font.cache_clear()
    boxes = ask(staff)
    assert office.work() == 1
    monkeypatch.undo()
    lettering.font.cache_clear()
    assert "fonts-noto-cjk" in staff.get(f"/exports/{boxes['id']}").json()["problem"]


def test_whoever_takes_a_file_stands_in_the_audit(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="drainage", format="xlsx")
    # One job for one export, under one number.
    assert staff.get(f"/jobs/{asked['id']}").json()["state"] == "waiting"
    office.work()
    assert staff.get(f"/jobs/{asked['id']}").json()["done"] == staff.get(f"/jobs/{asked['id']}").json()["total"]
    leader = office.client(COMMUNITY, role="leader", name="head")
    file = leader.get(f"/exports/{asked['id']}/file")
    assert file.status_code == 200
    again = leader.get(f"/exports/{asked['id']}/file", headers={"If-None-Match": file.headers["etag"]})
    assert again.status_code == 304
    with office.database.read(OPERATOR) as conn:
        taken = [
            (link.actor, entry["detail"], entry["rows"]) for link in list_audit(conn, limit=50)
            for entry in link.entries if (entry["subject"], entry["operation"]) == ("export", "read")
        ]  # fmt: skip
    assert [one for one in taken if asked["code"] in one[1]] == [("head", f"drainage xlsx {asked['code']}", 1)]


@pytest.mark.long
def test_the_morning_sheet_lists_what_is_due_in_the_grid(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="due", format="pdf", orientation="portrait", grid=EAST)
    office.work()
    done = staff.get(f"/exports/{asked['id']}").json()
    assert done["state"] == "done", done["problem"]
    reader = PdfReader(io.BytesIO(staff.get(done["file"]).content))
    assert len(reader.pages) == 1
    page = "".join(reader.pages[0].extract_text().split())
    with office.database.read(Scope("w", "grid_worker", (EAST,))) as conn:
        answer = ANALYSES["due"].compute(
            conn, Scope("w", "grid_worker", (EAST,)), read_area(conn, COMMUNITY), on=today()
        )  # fmt: skip
    # The figures are those of the grid, as its worker sees them; and so is what has changed since.
    assert [(one["title"], one["then"], one["now"]) for one in done["since"]] == [
        (fact.title, fact.value, fact.value) for fact in answer.facts
    ]
    assert f"本网格:{answer.finding}".replace(" ", "") in page
    rows = [one["properties"] for one in json.loads(answer.themes[0].features)["features"]]
    shown = [f"{row['title']}{row['what']}{row['day']}{row['days']:,}".replace(" ", "") for row in rows[:15]]
    places = [page.find(one) for one in shown]
    assert -1 not in places
    assert places == sorted(places)
    assert f"另有{len(rows)}" not in page
    assert "见工作簿" in page


def test_the_figures_of_a_grids_sheet_are_those_that_stand_on_it(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="overview", format="pdf", grid=EAST)
    office.work()
    done = staff.get(f"/exports/{asked['id']}").json()
    with office.database.read(Scope("t", "staff", (COMMUNITY,))) as conn:
        counts = {
            LAYERS[layer].title: conn.execute(
                text(f"select count(*) from gis.{layer} where grid = :grid"), {"grid": EAST}
            ).scalar_one()
            for layer in ("parking", "waste_point", "rental_unit")
        }
    said = {one["title"]: (one["then"], one["now"]) for one in done["since"]}
    assert {title: said[title] for title in counts} == {title: (count, count) for title, count in counts.items()}
    assert all(f"{title} {count:,}" in done["finding"] for title, count in counts.items())
    assert "社区边界" not in said


def test_a_sheet_whose_grid_is_gone_is_not_compared_with_something_else(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="due", format="svg", grid=EAST)
    office.work()
    rename = text("update gis.grid set code = :new where code = :old")
    with office.database.write(Scope("li", "staff", (COMMUNITY,))) as conn:
        conn.execute(rename, {"new": f"{COMMUNITY}803", "old": EAST})
    try:
        assert staff.get(f"/exports/{asked['id']}").json()["since"] == []
        page = staff.get(f"/exports/{asked['id']}", headers=HTML).text
        assert f"与今天的数字没有比较:没有网格 {EAST}" in page
    finally:
        with office.database.write(Scope("li", "staff", (COMMUNITY,))) as conn:
            conn.execute(rename, {"new": EAST, "old": f"{COMMUNITY}803"})


@pytest.mark.long
def test_what_is_cancelled_while_it_is_made_is_made_no_further(
    office: Office, staff: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_REPORT_SECONDS", 0.0)
    asked = ask(staff, name="due", format="pdf", grid="all")
    steps: list[int] = []

    def make(database: Database, job: jobs.Job, progress: jobs.Progress) -> None:
        def told(done: int, total: int | None) -> None:
            steps.append(done)
            if done == 2:
                assert staff.post(f"/exports/{asked['code']}/delete").status_code == 204
            progress(done, total)

        make_in_background(database, job, told, office.places.sheets, None)

    assert jobs.work_off(office.database, {EXPORT_JOB: make}) == 1
    assert steps == [0, 1, 2]
    assert staff.get(f"/jobs/{asked['id']}").json()["state"] == "cancelled"
    assert [path for path in office.places.sheets.folder.iterdir() if asked["id"] in path.name] == []


@pytest.mark.long
def test_slides_are_made_like_everything_else(office: Office, staff: TestClient) -> None:
    asked = ask(staff, name="hazards", format="pptx")
    office.work()
    done = staff.get(f"/exports/{asked['id']}").json()
    assert (done["state"], done["scale"]) == ("done", None), done["problem"]
    slides = list(Presentation(io.BytesIO(staff.get(done["file"]).content)).slides)
    assert len(slides) == done["job"]["total"]
    assert done["code"] in "".join(shape.text_frame.text for shape in slides[0].shapes if shape.has_text_frame)
    assert staff.get(done["preview"]).content.startswith(b"\x89PNG")
    assert "幻灯片" in staff.get(f"/exports/{asked['id']}", headers=HTML).text


def test_old_files_go_and_the_record_stays(office: Office, staff: TestClient) -> None:
    asked = ask(staff)
    office.work()
    places = Places(office.places.originals, SheetFiles(office.places.sheets.folder, days=-1))
    assert tidy(office.database, places, 365) >= 2
    gone = staff.get(f"/exports/{asked['id']}/file")
    assert gone.status_code == 404
    assert "请重新出一张" in gone.json()["detail"]
    assert staff.get(f"/exports/{asked['id']}").json()["state"] == "done"


@pytest.mark.long
@pytest.mark.usefixtures("office")
def test_by_command(
    command: Command, cluster: Any, copied_name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    staff: TestClient,
) -> None:  # fmt: skip
    monkeypatch.setenv("GIS_DATABASE_URL", cluster.url("gis_app", copied_name))
    monkeypatch.setenv("GIS_DATABASE_OWNER_URL", cluster.url("gis_owner", copied_name))
    ran = command(
        "export",
        "drainage",
        "--community",
        COMMUNITY,
        "--out",
        tmp_path / "雨污.pdf",
        "--paper",
        "A4",
        "--orientation",
        "portrait",
    )
    assert ran.code == 0, ran.err
    assert "新群社区雨污混流,1:15,000" in ran.out
    # It can be traced like one from the page; only the file isn't here.
    code = ran.out.partition("编号 ")[2][:9]
    assert code in PdfReader(tmp_path / "雨污.pdf").pages[0].extract_text()
    record = staff.get(f"/exports/{code}").json()
    assert (record["state"], record["title"]) == ("done", "新群社区雨污混流")
    assert record["sha256"] == hashlib.sha256((tmp_path / "雨污.pdf").read_bytes()).hexdigest()
    assert "由命令写到了别处" in staff.get(f"/exports/{code}", headers=HTML).text
    assert (tmp_path / "雨污.pdf").read_bytes().startswith(b"%PDF")
    refused = command("export", "drainage", "--out", tmp_path / "x.doc")
    assert refused.code == 1
    assert "pdf、png、svg、xlsx" in refused.err
    assert (
        command("export", "drainage", "--community", COMMUNITY, "--out", tmp_path / "x.pdf", "--scale", "500").code == 1
    )
    assert [path.name for path in tmp_path.iterdir()] == ["雨污.pdf"]
    before = len(staff.get("/exports").json()["exports"])
    (tmp_path / "夹.pdf").mkdir()
    for out, said in (("夹.pdf", "是文件夹"), ("图.png", "与类型 pdf 不符")):
        refused = command("export", "drainage", "--community", COMMUNITY, "--format", "pdf", "--out", tmp_path / out)
        assert (refused.code, said in refused.err) == (1, True)
    assert len(staff.get("/exports").json()["exports"]) == before
