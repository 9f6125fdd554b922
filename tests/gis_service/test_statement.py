"""Statements that are written once for each shape: their text, their values, and how many are remembered."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from gis_service import statement
from gis_service.features.nearby import nearby_of
from gis_service.features.question import Question
from gis_service.features.read import one_feature, page_of_features
from gis_service.features.tags import versions_of
from gis_service.features.tiles import tile_of
from gis_service.scope import Scope
from gis_service.statement import Asked, compile_statement, remembered
from layers.registry import LAYERS
from tests.asking import Asking

NOBODY = Scope("test", "none", ())


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> OrderedDict[Any, Any]:
    """An empty memory for four statements."""
    found: OrderedDict[Any, Any] = OrderedDict()
    monkeypatch.setattr(statement, "_REMEMBERED", found)
    monkeypatch.setattr(statement, "REMEMBERED", 4)
    return found


def test_the_last_used_statements_are_remembered(memory: OrderedDict[Any, Any]) -> None:
    built: list[int] = []

    def build(number: int) -> Callable[[], Select[Any]]:
        def make() -> Select[Any]:
            built.append(number)
            return select(literal_column(str(number)))

        return make

    for number in (1, 2, 3, 4, 1, 1):
        assert remembered(number, build(number)).sql == f"SELECT {number}"
    assert built == [1, 2, 3, 4]
    remembered(5, build(5))
    assert list(memory) == [3, 4, 1, 5]
    first = remembered(1, build(1))
    assert remembered(1, build(1)) is first
    remembered(2, build(2))
    assert built == [1, 2, 3, 4, 5, 2]
    assert list(memory) == [4, 5, 1, 2]


def test_what_cannot_be_built_is_not_remembered(memory: OrderedDict[Any, Any]) -> None:
    def fail() -> Select[Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remembered("x", fail)
    assert not memory
    assert remembered("x", lambda: select(literal_column("1"))).sql == "SELECT 1"


def test_names_stand_in_the_order_of_their_numbers() -> None:
    b, a = bindparam("b", type_=Integer), bindparam("a", type_=Text)
    found = compile_statement(select(b, a, b, func.round(2.5, 7)), kept=True)
    assert found.sql.count("$1::") == 2
    assert found.names[:2] == ("b", "a")
    assert sorted(found.constants.values()) == [2.5, 7]
    text, names = found.plain
    assert names[:3] == ("b", "a", "b")
    assert text.count("%s") == len(names) == 5
    assert found.values(found.names, {"a": "x", "b": 3})[:2] == [3, "x"]


def test_nobody_is_answered_with_the_values_of_another() -> None:
    """A named value must be given each time, though the question that a statement was built from held one."""
    found = compile_statement(select(bindparam("scope0", "330482002099", Text)))
    assert found.constants == {}
    with pytest.raises(KeyError):
        found.values(found.names, {})


VALUES: list[tuple[TypeEngine[Any], Any]] = [
    (Integer(), -(2**31)), (Integer(), 2**31 - 1), (BigInteger(), -(2**63)), (BigInteger(), 2**63 - 1),
    (Double(), -0.5), (Double(), -1e308), (Double(), 5e-324), (Double(), float("inf")), (Boolean(), True),
    (Boolean(), False), (Date(), date(1, 1, 1)), (Date(), date(9999, 12, 31)), (Text(), None), (Text(), ""),
    (Text(), "'"), (Text(), "%s %% %(a)s"), (DateTime(timezone=True), datetime(2026, 11, 23, 8, 0, 0, 1, UTC)),
    (Uuid(), uuid.UUID(int=7)), (ARRAY(Text), []), (ARRAY(Text), ["a,b", '"', "\\", "{}", "NULL", "'", "网格"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[f"{kind}-{value}" for kind, value in VALUES])
def test_values_are_the_same_kept_and_plain(ask: Asking, kind: TypeEngine[Any], value: object) -> None:
    given = bindparam("given", type_=kind)
    query = select(given, given.is_not_distinct_from(given), literal_column("'50% $ %% x'"), func.abs(-7))
    answers = []
    for kept in (True, False):
        asked = (compile_statement(query, kept=kept), {"given": value})
        answers += [ask(NOBODY, asked)[0], ask(NOBODY, asked, asked)[1]]
    written = [item.encode() for item in value] if isinstance(value, list) else value
    said = written.encode() if isinstance(written, str) else written
    assert answers == [[(said, True, b"50% $ %% x", 7)]] * 4


def test_every_question_gives_the_same_rows_kept_and_plain(ask_sample: Asking, staff: Scope) -> None:
    question = Question(
        bbox=(120.9, 30.6, 121.2, 30.9),
        equals={"source": "synthetic"},
        valid=(date(2000, 1, 1), None),
        order=("-name",),
    )
    asked: list[Asked] = [versions_of(LAYERS.values(), staff)]
    for layer in LAYERS.values():
        asked += [
            page_of_features(layer, staff, question, limit=3),
            page_of_features(layer, staff, Question(), limit=2),
            one_feature(layer, staff, "330482002011.x", Question()),
            nearby_of(layer, staff, Question(), lon=121.0, lat=30.7, radius_m=None, limit=3),
            nearby_of(layer, staff, question, lon=121.0, lat=30.7, radius_m=500, limit=3),
            tile_of(layer, staff, question, zoom=11, row=840, column=1712),
        ]
    for found, values in asked:
        kept, plain = (ask_sample(staff, (replace(found, kept=kept), values))[0] for kept in (True, False))
        assert kept == plain, found.sql
