"""The way back: commit and revert give the same rows again, later edits stay, conflicts are told, reverts revert."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.engine import Connection

from gis_service.database import Database
from gis_service.errors import ConflictError, InputError, NotFoundError
from gis_service.features.write import change_feature, delete_feature, put_features
from gis_service.scope import Scope, enter
from gis_service.surveys.revert import Revert, revert_upload
from gis_service.surveys.uploads import list_uploads, read_upload
from gis_service.tables import UPLOAD
from layers.catalog.building import Building
from layers.registry import LAYERS

LAYER = LAYERS["building"]
Rows = dict[str, tuple[str | None, int | None, float]]
"""Code to name, floors, and place in thousandths of a degree."""
STATE = text(
    "select code, name, floors, round(((st_xmin(geom) - 120.99) * 1000)::numeric, 3) as place from gis.building"
    " where community = :c"
)


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff) as found:
        yield found
        found.rollback()


def state(conn: Connection, area: str) -> Rows:
    return {code: (name, floors, float(place)) for code, name, floors, place in conn.execute(STATE, {"c": area})}


def box(place: float) -> shapely.Polygon:
    west = round(120.99 + place / 1000, 6)
    return shapely.box(west, 30.7, west + 0.0004, 30.7004)


def mark(conn: Connection, scope: Scope, identifier: str | None) -> None:
    enter(conn, scope, identifier)


@pytest.fixture
def upload(conn: Connection, staff: Scope, area: str) -> Callable[[Rows], str]:
    """Write rows as an upload of its own, and return its identifier."""

    def write(rows: Rows) -> str:
        identifier = str(uuid.uuid4())
        mark(conn, staff, identifier)
        features = [(Building(code=code, name=name, floors=floors), box(place))
                    for code, (name, floors, place) in rows.items()]  # fmt: skip
        done = put_features(conn, LAYER, area, features)
        conn.execute(
            insert(UPLOAD).values(
                community=area, id=identifier, key=identifier, layer="building", file_name="a.csv", sha256="0" * 64,
                crs="EPSG:4490", crs_evidence="", added=done.added, changed=done.changed, moved=done.moved,
                unchanged=done.unchanged, refused=0,
            )
        )  # fmt: skip
        mark(conn, staff, None)
        return identifier

    return write


@pytest.fixture
def revert(conn: Connection, staff: Scope) -> Callable[[str], Revert]:
    """Take an upload back under a mark of its own."""

    def back(identifier: str) -> Revert:
        by = str(uuid.uuid4())
        mark(conn, staff, by)
        done = revert_upload(conn, identifier, by=by)
        mark(conn, staff, None)
        assert str(read_upload(conn, by).reverts) == identifier
        return done

    return back


CODES = st.sampled_from([f"H{number}" for number in range(6)])
NAMES = st.one_of(st.none(), st.sampled_from(["甲", "乙", "丙"]))
FLOORS = st.one_of(st.none(), st.integers(1, 3))
PLACES = st.sampled_from([0.0, 1.0, 2.0])
ROWS = st.dictionaries(CODES, st.tuples(NAMES, FLOORS, PLACES), min_size=1)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("name"), CODES, NAMES), st.tuples(st.just("floors"), CODES, FLOORS),
        st.tuples(st.just("delete"), CODES, st.none()),
    ),
    max_size=6,
)  # fmt: skip
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FEW = settings(max_examples=8, deadline=None, suppress_health_check=SHARED)
MANY = settings(max_examples=400, deadline=None, suppress_health_check=SHARED)


def reckoned(was: Rows, made: Rows, now: Rows, uploaded: Rows) -> tuple[Rows, set[str]]:
    """Return what a revert should leave, and the codes of conflicts, field by field in Python."""
    expected, conflicts = dict(now), set()
    for code in uploaded:
        if was.get(code) == made[code]:
            continue
        if code not in was or code not in now:
            if code in was or (code in now and now[code] != made[code]):
                conflicts.add(code)
            else:
                expected.pop(code, None)
            continue
        parts = list(zip(was[code], made[code], now[code], strict=True))
        name, floors, place = (b if a != b and n == a else n for b, a, n in parts)
        expected[code] = (name, floors, place)  # type: ignore[assignment]
        if any(a not in (b, n) and n != b for b, a, n in parts):
            conflicts.add(code)
    return expected, conflicts


def edit(conn: Connection, area: str, edits: list[tuple[str, str, Any]]) -> None:
    for kind, code, value in edits:
        if code in state(conn, area):
            if kind == "delete":
                delete_feature(conn, LAYER, area, code)
            else:
                change_feature(conn, LAYER, area, code, {kind: value})


Write: TypeAlias = Callable[[Rows], str]
Back: TypeAlias = Callable[[str], Revert]


def check(conn: Connection, area: str, upload: Write, revert: Back, before: Rows, uploaded: Rows, edits: Any) -> None:
    with conn.begin_nested() as point:
        upload(before)
        was = state(conn, area)
        identifier = upload(uploaded)
        made = state(conn, area)
        edit(conn, area, edits)
        now = state(conn, area)
        expected, conflicts = reckoned(was, made, now, uploaded)
        done = revert(identifier)
        assert state(conn, area) == expected
        assert {conflict.code for conflict in done.conflicts} == conflicts
        assert edits or expected == was
        assert done.removed == len(now.keys() - expected.keys())
        point.rollback()


@FEW
@given(before=ROWS, uploaded=ROWS, edits=EDITS)
def test_a_revert_gives_back_what_was_and_keeps_what_was_edited_since(
    conn: Connection, area: str, upload: Write, revert: Back, before: Rows, uploaded: Rows, edits: Any
) -> None:
    check(conn, area, upload, revert, before, uploaded, edits)


@pytest.mark.long
@MANY
@given(before=ROWS, uploaded=ROWS, edits=EDITS)
def test_reverts_of_many_random_edits(
    conn: Connection, area: str, upload: Write, revert: Back, before: Rows, uploaded: Rows, edits: Any
) -> None:
    check(conn, area, upload, revert, before, uploaded, edits)


@FEW
@given(before=ROWS, uploaded=ROWS)
def test_a_revert_is_an_upload_and_can_be_taken_back(
    conn: Connection, area: str, upload: Write, revert: Back,
    before: Rows, uploaded: Rows,
) -> None:  # fmt: skip
    with conn.begin_nested() as point:
        upload(before)
        was = state(conn, area)
        first = upload(uploaded)
        made = state(conn, area)
        chain = [first]
        for step in range(4):
            revert(chain[-1])
            assert state(conn, area) == (was if step % 2 == 0 else made)
            latest = next(one for one in list_uploads(conn) if str(one.reverts) == chain[-1])
            assert latest.crs_evidence == f"撤回上传 {chain[-1]}"
            chain.append(str(latest.id))
            # The upload itself is taken back after every other step.
            assert [read_upload(conn, one).reverted for one in chain] == [
                (len(chain) - 1 - place) % 2 == 1 for place in range(len(chain))
            ]
        point.rollback()


def test_a_conflict_says_which_fields_stay(conn: Connection, area: str, upload: Write, revert: Back) -> None:
    upload({"H1": ("甲", 2, 0.0), "H2": ("甲", 2, 1.0), "H3": ("甲", 2, 2.0)})
    identifier = upload({"H1": ("乙", 3, 0.0), "H2": ("乙", 2, 1.0), "H4": ("丁", 1, 0.0), "H3": ("甲", 2, 3.0)})
    change_feature(conn, LAYER, area, "H1", {"name": "丙"})
    change_feature(conn, LAYER, area, "H4", {"floors": 5})
    delete_feature(conn, LAYER, area, "H2")
    done = revert(identifier)
    assert [(one.code, one.reason, one.fields) for one in done.conflicts] == [
        ("H1", "之后又改过,保持现在的值", ("名称",)),
        ("H2", "之后已被删除,没有恢复", ()),
        ("H4", "这次上传新增的,之后又改过或办理过,没有删除", ()),
    ]
    assert (done.removed, done.restored, done.changed, done.moved, done.same) == (0, 0, 1, 1, 0)
    assert state(conn, area) == {"H1": ("丙", 2, 0.0), "H3": ("甲", 2, 2.0), "H4": ("丁", 5, 0.0)}


def test_a_code_that_someone_else_uses_by_now_is_not_taken_from_them(
    conn: Connection, area: str, upload: Write, revert: Back
) -> None:
    first = upload({"H1": ("甲", 2, 0.0)})
    revert(first)
    again = next(one for one in list_uploads(conn) if str(one.reverts) == first)
    upload({"H1": ("另一幢", 1, 5.0)})
    done = revert(str(again.id))
    assert [(one.code, one.reason) for one in done.conflicts] == [("H1", "这次删除的,编码已被另一个要素使用,没有恢复")]
    assert state(conn, area) == {"H1": ("另一幢", 1, 5.0)}


def test_what_can_not_be_taken_back_says_why(conn: Connection, staff: Scope, upload: Write, revert: Back) -> None:
    identifier = upload({"H1": ("甲", 2, 0.0)})
    revert(identifier)
    with pytest.raises(ConflictError, match="已经撤回过"):
        revert(identifier)
    with pytest.raises(InputError, match="应为 36 位的编号"):
        read_upload(conn, "abc")
    with pytest.raises(NotFoundError, match="没有编号为"):
        read_upload(conn, str(uuid.uuid4()))
    enter(conn, Scope("other", "operator", ("330482002012",)), None)
    with pytest.raises(NotFoundError):
        read_upload(conn, identifier)
    mark(conn, staff, None)


def test_every_version_bears_its_upload(conn: Connection, area: str, upload: Write, revert: Back) -> None:
    first, second = upload({"H1": ("甲", 2, 0.0)}), upload({"H1": ("乙", 2, 0.0)})
    revert(second)
    marks = conn.execute(
        text(
            "select upload::text, name from gis.building_history where community = :c order by recorded_at, written_at"
        ),
        {"c": area},
    ).all()
    third = next(str(one.id) for one in list_uploads(conn) if str(one.reverts) == second)
    assert [tuple(row) for row in marks] == [(first, "甲"), (second, "乙"), (third, "甲")]
