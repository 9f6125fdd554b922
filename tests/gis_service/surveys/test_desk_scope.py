"""A file belongs to a whole community: who may see one grid only sees neither it nor what it proposes for others."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from gis_service.database import Database
from gis_service.errors import NotFoundError
from gis_service.scope import Scope
from gis_service.surveys.desk import Desk, Sent
from gis_service.surveys.document import upload_document
from gis_service.surveys.originals import Originals
from gis_service.surveys.uploads import list_everything
from gis_service.surveys.workbook import marked_workbook

LEDGER = "编号,房东姓名,房东电话,经度,纬度\nCZ1,张三,13812345678,120.995,30.7\n"


def ledger() -> Sent:
    answers = {"crs": "EPSG:4490"}
    return Sent(io.BytesIO(LEDGER.encode()), "出租房.csv", "rental_unit", answers=answers, ask_columns=False)


def test_one_grids_people_get_no_file_of_others(database: Database, staff: Scope, area: str, tmp_path: Path) -> None:
    """The uploader's own workbook has the columns that are never taken in: names and phones."""
    originals = Originals(tmp_path)
    desk = Desk(database, staff, originals)
    upload = desk.receive(area, ledger())
    assert desk.read(upload).row["state"] == "proposed"
    assert marked_workbook(desk, upload)[0][:2] == b"PK"
    grid = Desk(database, Scope("grid", "grid_worker", (f"{area}001",)), originals)
    with pytest.raises(NotFoundError, match="没有编号"):
        marked_workbook(grid, upload)
    with database.read(grid.scope) as conn:
        assert list_everything(conn) == []
        with pytest.raises(NotFoundError):
            upload_document(conn, upload)
    with pytest.raises(NotFoundError, match="不全在您的范围内"):
        grid.receive(area, ledger())
    assert len(list(tmp_path.iterdir())) == 1, "what isn't taken isn't kept"


def test_a_discarded_proposal_takes_its_rows_along(database: Database, staff: Scope, area: str, tmp_path: Path) -> None:
    desk = Desk(database, staff, Originals(tmp_path))
    kept, dropped = desk.receive(area, ledger()), desk.receive(area, ledger())
    for upload in (kept, dropped):
        assert desk.read(upload).row["state"] == "proposed"
    counts = text("select proposal, count(*) from gis.proposal_row where proposal = any(:both) group by 1")
    asked = {"both": [kept, dropped]}
    with database.read(staff) as conn:
        before: dict[UUID, int] = dict(conn.execute(counts, asked).tuples().all())
    assert before.keys() == {kept, dropped}
    desk.discard(dropped)
    with database.read(staff) as conn:
        assert dict(conn.execute(counts, asked).tuples().all()) == {kept: before[kept]}
    desk.discard(kept)
