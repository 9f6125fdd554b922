"""From a sheet's cells to a layer's record, with a reason in Chinese for every row that can't be taken."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from gis_service.surveys.columns.personal import holds_identity, is_free_text
from gis_service.surveys.columns.positioning import DEFAULT_LIMIT, PositionLimit
from gis_service.surveys.columns.values import converter_of
from gis_service.surveys.files.errors import UnreadableCellError
from layers.field import LayerField
from layers.layer import Layer
from layers.record import Source

_TOTAL = re.compile(r"\s*(?:合|总|小|共)\s*计\s*[::]?\s*")
_SHOWN_CODES = 12
_LONGEST_EXAMPLE = 40
_LONGEST_CELL = 2_500
_LONGEST_SHOWN = 100


@dataclass(frozen=True)
class Problem:
    """Why a row isn't taken: the field it lies in, None for the whole row, and a Chinese sentence."""

    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row gives.

    Attributes
    ----------
    values
        In the order of the reader's ``fields``; None when the row is refused.
    code
        Its business key, empty where it has none.
    problems
        Everything that speaks against it, at most one of each field.
    """

    values: list[object] | None
    code: str
    problems: tuple[Problem, ...] = ()

    @property
    def reason(self) -> str:
        """All problems in one sentence; empty when there is none."""
        return ";".join(problem.message.removesuffix("。") for problem in self.problems) + "。" * bool(self.problems)


@dataclass
class RowReader:
    """Turns the rows of one sheet into values for the staged fields.

    Attributes
    ----------
    positions
        Column position to field, from the header matching.
    source
        The source of rows that don't name one.
    accuracy_column, accuracy_limit
        Where the file says how far off a position may be, and from where on that is warned of.
    fields
        What is staged, in this order: the matched fields, ``code`` always among them.
    foreign_sources
        Words in a column 数据来源 that are no code of ours; such rows get ``source``.
    read_as
        What was read into cells beyond width, case and labels: title of the field to an example cell, what it was
        read as, and how many such cells there were.
    warnings
        (row, ``"geom"``, Chinese sentence) of rows that are taken, but whose position is uncertain.
    """

    layer: Layer
    positions: dict[int, LayerField]
    source: Source = Source.SURVEYED
    accuracy_column: int | None = None
    accuracy_limit: PositionLimit = DEFAULT_LIMIT
    fields: tuple[LayerField, ...] = field(init=False)
    codes_made: bool = field(init=False)
    foreign_sources: set[str] = field(init=False, default_factory=set)
    read_as: dict[str, tuple[str, str, int]] = field(init=False, default_factory=dict)
    warnings: list[tuple[int, str, str]] = field(init=False, default_factory=list)
    _seen: dict[str, int] = field(init=False, default_factory=dict)
    _sources: frozenset[str] = frozenset(str(member) for member in Source)

    def __post_init__(self) -> None:
        """Decide what is staged; a sheet without a code column gets codes made from the geometry."""
        given = {found.name for found in self.positions.values()}
        self.codes_made = "code" not in given
        self.fields = tuple(
            found for found in self.layer.fields if found.name in given | {"code", "source"} or found.required
        )
        areal = self.layer.geometry != "POINT"
        self._pieces = "(同一要素被图幅切成几块时,用 --dissolve 列名 合并)" if areal else ""
        self._columns = [
            (position, found.name, converter_of(found, self._note_for(found)))
            for position, found in self.positions.items()
        ]
        self._names = [found.name for found in self.fields]
        self._validate = self.layer.record.__pydantic_validator__.validate_python
        self._texts = [found.name for found in self.fields if is_free_text(found)]

    def read(self, number: int, cells: Sequence[object], geometry: bytes | None) -> ReadRow:
        """Read one row; ``number`` is how a person counts it.

        A row of a ledger has no geometry yet; where codes are made it gets one of its own when it is placed.
        """
        if any(isinstance(cell, str) and _TOTAL.fullmatch(cell) for cell in cells):
            said = "这一行像是合计,不是一条记录,不收;如果不是,请把写着“合计”的那一格改掉。"
            return ReadRow(None, "", (Problem(None, said),))
        given, problems = self._given(cells)
        if self.codes_made:
            given["code"] = f"row{number}" if geometry is None else code_from_geometry(geometry)
        code = str(given.get("code", ""))
        if any(isinstance(value, str) and "\x00" in value for value in given.values()):
            return ReadRow(None, "", (*problems.values(), *_nul_problems(given)))
        self._check_code(number, code, problems)
        try:
            record: Any = self._validate(given)
        except ValidationError as error:
            for name, message in _explained(self.layer, error).items():
                problems.setdefault(name, Problem(name or None, message))
        for name in self._texts:
            text = given.get(name)
            if text is not None and (holds_identity(text) if isinstance(text, str) else any(map(holds_identity, text))):
                problems[name] = Problem(name, _identity_sentence(self.layer.field(name)))
        if problems:
            return ReadRow(None, code, tuple(problems.values()))
        if self.accuracy_column is not None:
            self._warn_of_position(number, cells[self.accuracy_column])
        return ReadRow([getattr(record, name) for name in self._names], code)

    def code_of(self, cells: Sequence[object]) -> str:
        """Return the business key in a row that is refused unread; empty where it has none."""
        for position, name, convert in self._columns:
            if name == "code" and cells[position] not in {None, ""}:
                try:
                    return str(convert(cells[position]) or "")
                except UnreadableCellError:
                    return ""
        return ""

    @property
    def codes(self) -> Collection[str]:
        """The business keys that were read, of refused rows too."""
        return self._seen.keys()

    def _given(self, cells: Sequence[object]) -> tuple[dict[str, Any], dict[str, Problem]]:
        """Return what the cells give, by field, and what can't be read; empty ones are left to the field's default."""
        given: dict[str, Any] = {"source": self.source}
        problems: dict[str, Problem] = {}
        for position, name, convert in self._columns:
            cell = cells[position]
            if cell is None or cell == "":
                continue
            if isinstance(cell, str) and len(cell) > _LONGEST_CELL:
                # No field takes as much, and what reads numbers and dates out of words is made for words.
                problems[name] = Problem(name, f"“{self.layer.field(name).title}”太长:有 {len(cell):,} 个字。")
                continue
            try:
                value = convert(cell)
            except UnreadableCellError as error:
                if name == "source":
                    self.foreign_sources.add(str(cell))
                else:
                    problems[name] = self._unreadable(name, cell, error)
                continue
            if name == "source" and value is not None and value not in self._sources:
                # Other people's files have columns of this name with their own words in them.
                self.foreign_sources.add(str(cell))
            elif value is not None:
                given[name] = value
        return given, problems

    def _unreadable(self, name: str, cell: object, error: UnreadableCellError) -> Problem:
        found = self.layer.field(name)
        if holds_identity(str(cell)):
            return Problem(name, _identity_sentence(found))
        return Problem(name, f"“{found.title}”{error}。")

    def _check_code(self, number: int, code: str, problems: dict[str, Problem]) -> None:
        """Note a key that is missing, stands in a row above, or is a person's number."""
        if not code:
            missing = "缺少编码:请在编码列填上这一行的编码,才能与已有数据对应。"
            problems.setdefault("code", Problem("code", missing))
            return
        first = self._seen.setdefault(code, number)
        if holds_identity(code, phones=False):
            problems["code"] = Problem("code", _identity_sentence(self.layer.field("code")))
        elif first != number:
            problems["code"] = Problem(
                "code", f"编码 {code} 与第 {first} 行重复;请改掉其中一行的编码,或删去一行{self._pieces}。"
            )

    def _note_for(self, found: LayerField) -> Callable[[object, object], None]:
        title = found.title

        def note(cell: object, value: object) -> None:
            first = self.read_as.get(title)
            if first is None:
                self.read_as[title] = (str(cell)[:_LONGEST_EXAMPLE], str(value)[:_LONGEST_EXAMPLE], 1)
            else:
                self.read_as[title] = (first[0], first[1], first[2] + 1)

        return note

    def _warn_of_position(self, number: int, cell: object) -> None:
        said = self.accuracy_limit.exceeded_by(cell)
        if said is not None:
            self.warnings.append((number, "geom", said))

    @property
    def source_assumed(self) -> bool:
        """Whether the rows' source comes from ``source`` rather than from the sheet."""
        return bool(self.foreign_sources) or all(found.name != "source" for found in self.positions.values())


def code_from_geometry(geometry: bytes) -> str:
    """Return a code that is the same whenever the same geometry comes again."""
    return "g" + hashlib.sha1(geometry, usedforsecurity=False).hexdigest()[:15]


def explain(layer: Layer, error: ValidationError) -> str:
    """Return why a row doesn't fit the layer, in Chinese, all reasons in one line."""
    return ";".join(message.removesuffix("。") for message in _explained(layer, error).values()) + "。"


def _explained(layer: Layer, error: ValidationError) -> dict[str, str]:
    """Return a sentence for each field that is wrong; the empty name stands for the whole row."""
    found: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(str(detail["loc"][0]) if detail["loc"] else "", []).append(_explain_one(layer, detail))
    return {name: ";".join(dict.fromkeys(clauses)) + "。" for name, clauses in found.items()}


def _nul_problems(given: dict[str, Any]) -> list[Problem]:
    said = "文字里有空字符(NUL);请用表格软件重新导出。"
    return [Problem(name, said) for name, value in given.items() if isinstance(value, str) and "\x00" in value]


def _identity_sentence(found: LayerField) -> str:
    return f"“{found.title}”里疑似有身份证号或手机号;请删去后再上传。"


def _short(value: object) -> object:
    return f"{value[:_LONGEST_SHOWN]}…" if isinstance(value, str) and len(value) > _LONGEST_SHOWN else value


def _explain_one(layer: Layer, detail: Any) -> str:
    found = layer.field(str(detail["loc"][0])) if detail["loc"] else None
    title = f"“{found.title}”" if found else "这一行"
    value, kind, context = _short(detail.get("input")), detail["type"], detail.get("ctx", {})
    if found is not None and kind != "missing" and holds_identity(str(detail.get("input"))):
        return _identity_sentence(found).removesuffix("。")
    said = {
        "missing": f"缺少必填项{title}",
        "int_parsing": f"{title}的 {value!r} 不是整数",
        "int_from_float": f"{title}的 {value!r} 不是整数",
        "float_parsing": f"{title}的 {value!r} 不是数字",
        "finite_number": f"{title}的 {value!r} 不是有限的数字",
        "bool_parsing": f"{title}的 {value!r} 应写 是 或 否",
        "greater_than_equal": f"{title}的 {value} 应不小于 {context.get('ge')}",
        "greater_than": f"{title}的 {value} 应大于 {context.get('gt')}",
        "less_than_equal": f"{title}的 {value} 应不大于 {context.get('le')}",
        "string_too_long": f"{title}太长:最多 {context.get('max_length')} 个字",
        "string_too_short": f"{title}太短:至少 {context.get('min_length')} 个字",
        "string_pattern_mismatch": f"{title}的 {value!r} 格式不对",
    }
    if kind in said:
        return said[kind]
    if kind == "code_list":
        return f"{title}没有代码 {value!r},代码表见 layers/codes/{context['name']}.csv"
    if kind == "enum" and found is not None and found.codes:
        labels = list(found.codes.values())
        more = f" 等 {len(labels)} 项" if len(labels) > _SHOWN_CODES else ""
        return f"{title}没有 {value!r} 这一项,可选:{'、'.join(labels[:_SHOWN_CODES])}{more}"
    if kind.startswith("date"):
        return f"{title}的 {value!r} 不是日期,请写成 2026-11-23"
    return f"{title}的 {value!r} 不合要求"
