"""Ledgers of cases: a new case comes in its state, a known one keeps its own, and a revert leaves steps alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import insert, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.cases.case import case_of, find_case
from gis_service.cases.steps import StepSent, make_step, read_clock
from gis_service.database import Database
from gis_service.features.question import today
from gis_service.features.write import put_features, refused_by_database
from gis_service.scope import Scope, enter
from gis_service.surveys.proposal import Proposal, Reading
from gis_service.surveys.propose import propose
from gis_service.surveys.revert import revert_upload
from gis_service.tables import UPLOAD
from layers.catalog.hazard import HazardStatus
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

HAZARD = LAYERS["hazard"]
OLD_WORDS = {
    "已登记立案": "registered", "已交办": "advised", "整改中": "rectifying", "已销号": "closed", "销号": "closed",
    "结案": "closed", "上报移交": "transferred", "复查不合格": "rework", "挂账延期": "suspended",
    "不予立案": "rejected", "重复并案": "merged",
}  # fmt: skip


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff) as found:
        yield found
        found.rollback()


def read(conn: Connection, area: str, path: Path, *rows: dict[str, Any], grid: str | None = None) -> Proposal:
    """Propose a ledger with a point for each row, as all of a grid where one is named."""
    features = [
        {"type": "Feature", "properties": {"事件编码": "X-FS01", **row},
         "geometry": {"type": "Point", "coordinates": [round(120.995 + number / 1000, 4), 30.7]}}
        for number, row in enumerate(rows)
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return propose(conn, HAZARD, area, path, Reading(crs="EPSG:4490", grid=grid))


def upload(conn: Connection, scope: Scope, area: str, path: Path, *rows: dict[str, Any]) -> tuple[str, Proposal]:
    """Write a ledger under a mark of its own; return the mark."""
    identifier = str(uuid.uuid4())
    enter(conn, scope, identifier)
    made = read(conn, area, path, *rows)
    made.staging.merge(conn)
    conn.execute(
        insert(UPLOAD).values(
            community=area, id=identifier, key=identifier, layer="hazard", file_name="a.geojson", sha256="0" * 64,
            crs="EPSG:4490", crs_evidence="", added=made.changes.added, changed=made.changes.changed, moved=0,
            unchanged=0, refused=0,
        )
    )  # fmt: skip
    enter(conn, scope, None)
    return identifier, made


def stored(conn: Connection, area: str) -> dict[str, tuple[str, str, str | None]]:
    rows = conn.execute(
        text("select code, status, level, detail from gis.hazard where community = :area"), {"area": area}
    )
    return {code: (status, level, detail) for code, status, level, detail in rows}


def step(conn: Connection, area: str, code: str, name: str, **said: Any) -> None:
    case = case_of(find_case(conn, f"{area}.{code}", today()))
    make_step(conn, case, StepSent(step=name, **said), read_clock(conn, area))


def test_words_of_old_ledgers_are_read_as_states(conn: Connection, area: str, staff: Scope, tmp_path: Path) -> None:
    rows = [{"编码": word, "状态": word} for word in OLD_WORDS]
    _, made = upload(conn, staff, area, tmp_path / "a.geojson", *rows)
    assert made.refusals == []
    assert {code: status for code, (status, _, _) in stored(conn, area).items()} == OLD_WORDS
    # What was read otherwise than it is written is told; the labels of today aren't.
    assert any("“办理状态”里的 已登记立案 读作 已登记" in note for note in made.notes), made.notes
    labels = [{"编码": state.label, "状态": state.label} for state in HazardStatus if state.words]
    assert not any("读作" in note for note in read(conn, area, tmp_path / "b.geojson", *labels).notes)


def test_known_cases_keep_their_state_while_other_fields_change(
    conn: Connection, area: str, staff: Scope, tmp_path: Path
) -> None:
    upload(conn, staff, area, tmp_path / "a.geojson", {"编码": "A", "状态": "已登记", "描述": "旧"})
    second, made = upload(
        conn, staff, area, tmp_path / "b.geojson",
        {"编码": "A", "状态": "已销号", "等级": "重大", "描述": "新"}, {"编码": "B", "状态": "挂账", "描述": "新"},
    )  # fmt: skip
    assert stored(conn, area) == {"A": ("registered", "01", "新"), "B": ("suspended", "01", "新")}
    (said,) = [note for note in made.notes if "办理步骤" in note]
    assert "“办理状态” 1 行" in said
    assert "“隐患等级” 1 行" in said
    assert "处置岗位" not in said
    step(conn, area, "A", "advise", note="已劝导")
    enter(conn, staff, str(uuid.uuid4()))
    done = revert_upload(conn, second, by=str(uuid.uuid4()))
    # The step that was made since stays, and the description goes back.
    assert stored(conn, area) == {"A": ("advised", "01", "旧")}
    assert (done.changed, done.removed) == (1, 1)


def test_the_same_ledger_again_says_nothing_of_states(
    conn: Connection, area: str, staff: Scope, tmp_path: Path
) -> None:
    rows = [{"编码": "A", "状态": "待复查"}]
    upload(conn, staff, area, tmp_path / "a.geojson", *rows)
    _, again = upload(conn, staff, area, tmp_path / "b.geojson", *rows)
    assert not any("办理步骤" in note for note in again.notes)


def test_a_state_of_the_other_flow_is_refused_in_a_sentence(
    conn: Connection, area: str, staff: Scope, tmp_path: Path
) -> None:
    upload(conn, staff, area, tmp_path / "a.geojson", {"编码": "S", "状态": "已立案", "流程": "街道流程"})
    assert stored(conn, area)["S"][0] == "filed"
    with pytest.raises(IntegrityError) as caught:
        upload(conn, staff, area, tmp_path / "b.geojson", {"编码": "C", "状态": "已立案"})
    assert "流程" in str(refused_by_database(HAZARD, caught.value))


def photographed(conn: Connection, area: str, code: str) -> None:
    conn.execute(
        text("insert into gis.case_photo (community, case_id, stage, sha256, width, height, bytes)"
             " select community, id, 'before', repeat('0', 64), 1, 1, 1 from gis.hazard"
             " where community = :area and code = :code"),
        {"area": area, "code": code},
    )  # fmt: skip


def test_cases_that_were_worked_on_stay_when_a_file_leaves_them_out_or_is_taken_back(
    conn: Connection, area: str, staff: Scope, tmp_path: Path
) -> None:
    put_features(conn, LAYERS["grid"], area, [
        (example_record(LAYERS["grid"], code=f"{area}001", level="governance"), shapely.box(120.99, 30.69, 121, 30.71)),
    ])  # fmt: skip
    first, _ = upload(conn, staff, area, tmp_path / "a.geojson", *({"编码": code} for code in "ABCD"))
    step(conn, area, "A", "register")
    photographed(conn, area, "B")
    # D isn't in the file, and neither are A and B.
    made = read(conn, area, tmp_path / "b.geojson", {"编码": "C"}, {"编码": "E"}, grid=f"{area}001")
    assert made.changes.removed == 1
    assert [note for note in made.notes if note.startswith("文件里没有、也没有删除:A、B 2 件")]
    with conn.begin_nested() as aside:
        made.staging.merge(conn)
        assert set(stored(conn, area)) == {"A", "B", "C", "E"}
        aside.rollback()
    enter(conn, staff, str(uuid.uuid4()))
    done = revert_upload(conn, first, by=str(uuid.uuid4()))
    assert set(stored(conn, area)) == {"A", "B"}
    assert [(one.code, one.reason) for one in done.conflicts] == [
        (code, "这次上传新增的,之后又改过或办理过,没有删除") for code in "AB"
    ]


def test_the_database_keeps_a_case_with_a_journal_from_uploads_too(
    conn: Connection, area: str, staff: Scope, tmp_path: Path
) -> None:
    upload(conn, staff, area, tmp_path / "a.geojson", *({"编码": code} for code in "ABC"))
    step(conn, area, "A", "register")
    photographed(conn, area, "B")
    enter(conn, staff, str(uuid.uuid4()))
    for code in "AB":
        with pytest.raises(IntegrityError, match="has a journal is not deleted") as caught, conn.begin_nested():
            conn.execute(text("delete from gis.hazard where code = :code"), {"code": code})
        assert "不能删除" in str(refused_by_database(HAZARD, caught.value))
    assert conn.execute(text("delete from gis.hazard where code = 'C'")).rowcount == 1
