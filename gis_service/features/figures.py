"""The figures of the morning sheet: what each counts, in which unit, by which definition and threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Double, FromClause, Text, and_, bindparam, case, func, or_, select

from gis_service.tables import AREA_RULE
from layers.flows import OVER
from layers.rules import Rule

DUE_DAYS: Final = 7
CHANGE_DAYS: Final = 7
GRADES: Final = {"green": "rental.recheck_green", "yellow": "rental.recheck_yellow", "red": "rental.recheck_red"}
"""Grade of a rental unit to the rule that says after how many days it is looked at again."""
_FIRE = ("hydrant", "fire_post", "fire_station")
_CYCLE = GRADES["green"]


@dataclass(frozen=True)
class Figure:
    """One number of the sheet.

    Attributes
    ----------
    name, title, unit
        Name in answers, and title and unit for people.
    layer
        The layer it counts.
    definition
        What is counted, in Chinese; ``{0}`` and so on stand for the values of ``rules``.
    value
        The aggregate, of rows of the layer (rental units have ``seen_on`` beside their columns).
    rules
        Codes of the thresholds it uses.
    """

    name: str
    title: str
    unit: str
    layer: str
    definition: str
    value: Callable[[FromClause], ColumnElement[Any]]
    rules: tuple[str, ...] = ()

    def said(self, rules: dict[str, Rule]) -> dict[str, Any]:
        """Return name, title, unit, definition and rules, with the values that the community applies."""
        used = [rules[code] for code in self.rules]
        numbers = [f"{rule.value:g} {rule.unit}" for rule in used]
        return {
            "name": self.name, "title": self.title, "unit": self.unit, "layer": self.layer,
            "definition": self.definition.format(*numbers), "rules": list(self.rules),
        }  # fmt: skip


def today() -> ColumnElement[Any]:
    """Return the parameter for the day in Shanghai."""
    return bindparam("today", type_=Date)


def rule_name(code: str) -> str:
    """Return the name of the parameter that holds a rule's value."""
    return "rule_" + code.replace(".", "_")


def _threshold(code: str) -> ColumnElement[float]:
    """Return the community's own value of a rule, or the declared one."""
    rule = AREA_RULE.c
    own = select(rule.value).where(rule.community == bindparam("community", type_=Text), rule.rule == code)
    return func.coalesce(own.scalar_subquery(), bindparam(rule_name(code), type_=Double))


def _count(*wanted: Callable[[FromClause], ColumnElement[bool]]) -> Callable[[FromClause], ColumnElement[Any]]:
    def value(rows: FromClause) -> ColumnElement[Any]:
        return func.count().filter(and_(*(part(rows) for part in wanted))) if wanted else func.count()

    return value


def _sum(
    column: str, wanted: Callable[[FromClause], ColumnElement[bool]]
) -> Callable[[FromClause], ColumnElement[Any]]:
    return lambda rows: func.coalesce(func.sum(rows.c[column]).filter(wanted(rows)), 0)


def _is(column: str, *values: str) -> Callable[[FromClause], ColumnElement[bool]]:
    return lambda rows: or_(*(rows.c[column] == value for value in values))


def _is_not(column: str, *values: str) -> Callable[[FromClause], ColumnElement[bool]]:
    return lambda rows: and_(*(rows.c[column] != value for value in values))


def _overdue(rows: FromClause) -> ColumnElement[bool]:
    return rows.c.due_on < today()


def _due_soon(rows: FromClause) -> ColumnElement[bool]:
    return rows.c.due_on.between(today(), today() + DUE_DAYS)


def _days_unseen(rows: FromClause) -> ColumnElement[Any]:
    return today() - rows.c.seen_on


def _unseen(times: int) -> Callable[[FromClause], ColumnElement[bool]]:
    return lambda rows: or_(rows.c.seen_on.is_(None), _days_unseen(rows) > _threshold(_CYCLE) * times)


def _never_seen(rows: FromClause) -> ColumnElement[bool]:
    return rows.c.seen_on.is_(None)


def _recheck_due(rows: FromClause) -> ColumnElement[bool]:
    days = case({grade: _threshold(code) for grade, code in GRADES.items()}, value=rows.c.grade)
    return and_(rows.c.grade.is_not(None), or_(rows.c.seen_on.is_(None), _days_unseen(rows) > days))


_LET = _is("rent_status", "let")
_OPEN = _is_not("status", *OVER)
_SEEN = "最近走访取台账上的日期与走访记录(结果为完成)中较晚的"
_OPEN_SAID = "未办结:状态不是已办结、不予受理、已并案"
CURRENT: Final = "只数有效的行:数据状态不是作废,今天在生效与失效日期之间"

FIGURES: tuple[Figure, ...] = (
    Figure("buildings", "楼栋", "幢", "building", "楼栋图层的幢数", _count()),
    Figure(
        "rental_units", "出租房", "套(间)", "rental_unit", "出租单元数,不含停止出租的",
        _count(_is_not("rent_status", "ended")),
    ),
    Figure(
        "tenants", "租住人数", "人", "rental_unit", "在租单元登记的租住人数之和,只有人数",
        _sum("tenant_count", _LET),
    ),
    Figure(
        "rentals_unvisited", "久未走访的出租房", "套(间)", "rental_unit",
        f"在租单元中超过 {{0}} 没有走访、或从未走访的;{_SEEN}", _count(_LET, _unseen(1)), (_CYCLE,),
    ),
    Figure(
        "rentals_unvisited_twice", "两个周期未走访的出租房", "套(间)", "rental_unit",
        f"在租单元中超过 {{0}} 的两倍没有走访、或从未走访的;{_SEEN}", _count(_LET, _unseen(2)), (_CYCLE,),
    ),
    Figure(
        "rentals_never_visited", "从未走访的出租房", "套(间)", "rental_unit",
        f"在租单元中没有任何走访日期的;{_SEEN}", _count(_LET, _never_seen),
    ),
    Figure(
        "rentals_recheck_due", "到期应复查的出租房", "套(间)", "rental_unit",
        f"在租单元中,绿色超过 {{0}}、黄色超过 {{1}}、红色超过 {{2}} 没有走访、或从未走访的;未定级的不算;{_SEEN}",
        _count(_LET, _recheck_due), tuple(GRADES.values()),
    ),
    Figure("enterprises", "在营企业", "家", "enterprise", "经营状态为在营的企业", _count(_is("status", "operating"))),
    Figure("hazards_open", "未办结隐患", "件", "hazard", _OPEN_SAID, _count(_OPEN)),
    Figure(
        "hazards_open_general", "未办结的一般隐患", "件", "hazard", f"{_OPEN_SAID};等级为一般",
        _count(_OPEN, _is("level", "01")),
    ),
    Figure(
        "hazards_open_major", "未办结的重大隐患", "件", "hazard", f"{_OPEN_SAID};等级为重大",
        _count(_OPEN, _is("level", "02")),
    ),
    Figure(
        "hazards_open_suspected", "未办结的疑似重大隐患", "件", "hazard", f"{_OPEN_SAID};等级为疑似重大(待认定)",
        _count(_OPEN, _is("level", "suspected")),
    ),
    Figure(
        "hazards_overdue", "逾期隐患", "件", "hazard", f"{_OPEN_SAID};整改期限早于今天(上海时间)",
        _count(_OPEN, _overdue),
    ),
    Figure(
        "hazards_due_7_days", "7 天内到期的隐患", "件", "hazard",
        f"{_OPEN_SAID};整改期限在今天到第 {DUE_DAYS} 天之间,含首尾", _count(_OPEN, _due_soon),
    ),
    Figure("waste_points", "垃圾投放点", "处", "waste_point", "垃圾投放点图层的点数", _count()),
    Figure(
        "parking_spaces", "机动车位", "个", "parking", "停车场地的车位数之和,不含非机动车停放点;没填车位数的按 0",
        _sum("space_count", _is_not("kind", "bicycle")),
    ),
    Figure(
        "fire_facilities", "消防设施", "处", "facility", "消火栓、微型消防站、消防救援站", _count(_is("kind", *_FIRE))
    ),
    Figure(
        "fire_facilities_not_intact", "不完好的消防设施", "处", "facility",
        "消火栓、微型消防站、消防救援站中状态为破损、丢失或废弃的",
        _count(_is("kind", *_FIRE), _is("status", "damaged", "lost", "abandoned")),
    ),
)  # fmt: skip

_CHANGES = f"最近 {CHANGE_DAYS} 个日历日(含今天,上海时间)内记录的,各图层合计;同一要素改几次算一个,"
CHANGES: tuple[dict[str, Any], ...] = tuple(
    {"name": name, "title": title, "unit": "个", "layer": None, "definition": _CHANGES + what, "rules": []}
    for name, title, what in (
        ("added_7_days", "近 7 天新增", "新增后仍在的"),
        ("changed_7_days", "近 7 天修改", "此前已有、现在仍在的"),
        ("removed_7_days", "近 7 天删除", "现已删除的"),
    )
)
"""What the sheet says of changes, as ``Figure.said`` gives it."""
