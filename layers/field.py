"""What is derived from one field of a record: its kind, bounds, codes, unit and headers."""

from __future__ import annotations

import re
import types
import typing
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

from layers.code import Code, CodeList
from layers.errors import DeclarationError
from layers.record import ByStep, Personal, Record, Survey, Unit


class Kind(StrEnum):
    """How a field's values are stored and compared."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TEXTS = "texts"


_KINDS: dict[type, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
    date: Kind.DATE,
    datetime: Kind.TIME,
}


@dataclass(frozen=True)
class LayerField:
    """One field of a layer, ready to be turned into a column, a schema, a header or a popup line.

    Attributes
    ----------
    minimum, maximum
        Bounds of a number, in ``unit``; ``exclusive_minimum`` says that the minimum itself is outside.
    min_length, max_length, pattern
        Bounds of a text.
    codes
        ``{stored value: label}`` of a code list, or None.
    words
        ``{word: stored value}`` of what surveys may say instead of a label.
    default
        The stored value of a row that does not say, or None.
    by_step
        Whether it changes by a step of a flow only.
    """

    name: str
    title: str
    description: str
    kind: Kind
    required: bool
    default: Any
    codes: dict[str, str] | None
    words: dict[str, str]
    minimum: float | None
    exclusive_minimum: bool
    maximum: float | None
    min_length: int | None
    max_length: int | None
    pattern: str | None
    unit: str | None
    personal: bool
    by_step: bool
    identifies: bool
    headers: tuple[str, ...]

    @property
    def nullable(self) -> bool:
        """Whether a row may leave the field empty."""
        return not self.required and self.default is None

    def show(self, value: object) -> str:
        """Return a stored value as a person reads it: a code's label, a number with its unit."""
        if value is None:
            return ""
        if isinstance(value, list | tuple):
            return "、".join(self.show(item) for item in value)
        if isinstance(value, bool):
            return "是" if value else "否"
        if self.codes is not None:
            return self.codes.get(str(value), str(value))
        return f"{value} {self.unit}" if self.unit else str(value)


def fold(header: str) -> str:
    """Return a header in the form in which headers are compared: width, case, spaces and _ * : don't count."""
    return re.sub(r"[\s_*:]+", "", unicodedata.normalize("NFKC", header)).casefold()


def fields_of(record: type[Record], where: str) -> tuple[LayerField, ...]:
    """Return the fields of a record in their order, the common ones first.

    Raises
    ------
    DeclarationError
        When a field has no title, an unknown type, or contradictory bounds; ``where`` names the file.
    """
    hints = typing.get_type_hints(record, include_extras=True)
    return tuple(
        _field_of(name, info, hints[name], f"{where}: field {name}") for name, info in record.model_fields.items()
    )


def _field_of(name: str, info: FieldInfo, hint: Any, where: str) -> LayerField:
    if not info.title:
        raise DeclarationError(f"{where} needs a title: Field(title=…)")
    kind, codes = _kind_and_codes(hint, where)
    marks = list(info.metadata)
    survey = next((mark for mark in marks if isinstance(mark, Survey)), Survey())
    unit = next((mark.symbol for mark in marks if isinstance(mark, Unit)), None)
    listed = next((mark for mark in marks if isinstance(mark, CodeList)), None)
    if listed is not None:
        if kind not in {Kind.TEXT, Kind.TEXTS} or codes is not None:
            raise DeclarationError(f"{where} has a CodeList, so it must be a text")
        codes = listed.labels
    bounds = _bounds(marks)
    low, high = bounds["minimum"], bounds["maximum"]
    if low is not None and high is not None and low > high:
        raise DeclarationError(f"{where} has a minimum {low:g} above its maximum {high:g}")
    if (low is not None or high is not None or unit) and kind not in {Kind.INTEGER, Kind.NUMBER}:
        raise DeclarationError(f"{where} is no number, so it can't have a bound or a unit")
    default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, Code):
        default = str(default)
    return LayerField(
        name=name,
        title=info.title,
        description=info.description or "",
        kind=kind,
        required=info.is_required(),
        default=default,
        codes=codes,
        words=_words(hint, where),
        unit=unit,
        personal=any(isinstance(mark, Personal) for mark in marks),
        by_step=any(isinstance(mark, ByStep) for mark in marks),
        identifies=survey.identifies,
        headers=(name, info.title, *survey.headers),
        **bounds,
    )


def _words(hint: Any, where: str) -> dict[str, str]:
    """Return the other words of a code list and what each stands for; none where the hint names no list."""
    while typing.get_args(hint):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        hint = parts[0]
    if not (isinstance(hint, type) and issubclass(hint, Code)):
        return {}
    said = [(word, member) for member in hint for word in (*member.words, member.label)]
    found = dict(said)
    if len(found) != len(said):
        raise DeclarationError(f"{where} has a word that stands for two codes of {hint.__name__}")
    return {word: str(member) for member in hint for word in member.words}


def _kind_and_codes(hint: Any, where: str) -> tuple[Kind, dict[str, str] | None]:
    """Read the stored kind and the code list off a type hint such as ``Annotated[list[Use] | None, …]``."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(inner) != 1:
            raise DeclarationError(f"{where} mixes types: {hint}")
        return _kind_and_codes(inner[0], where)
    if typing.get_origin(hint) is list:
        kind, codes = _kind_and_codes(typing.get_args(hint)[0], where)
        if kind is not Kind.TEXT:
            raise DeclarationError(f"{where} may only be a list of texts or codes")
        return Kind.TEXTS, codes
    if isinstance(hint, type) and issubclass(hint, Code):
        return Kind.TEXT, {str(member): member.label for member in hint}
    if hint in _KINDS:
        return _KINDS[hint], None
    raise DeclarationError(f"{where} has the type {hint}, which no column can hold")


def _bounds(marks: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("minimum", "maximum", "min_length", "max_length", "pattern"))
    found["exclusive_minimum"] = False
    for mark in marks:
        if isinstance(mark, annotated_types.Ge):
            found["minimum"] = mark.ge
        elif isinstance(mark, annotated_types.Gt):
            found["minimum"], found["exclusive_minimum"] = mark.gt, True
        elif isinstance(mark, annotated_types.Le):
            found["maximum"] = mark.le
        elif isinstance(mark, annotated_types.MinLen):
            found["min_length"] = mark.min_length
        elif isinstance(mark, annotated_types.MaxLen):
            found["max_length"] = mark.max_length
        elif getattr(mark, "pattern", None):
            found["pattern"] = mark.pattern
    return found
