"""Code lists: a stored value and the Chinese word a person reads for it."""

from __future__ import annotations

import csv
from enum import StrEnum
from importlib import resources
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from layers.errors import DeclarationError


class Code(StrEnum):
    """A closed list of codes; each member is declared as ``NAME = "stored value", "中文名称"``.

    The stored value goes to the database and to every client; the label is shown to people. Surveys may give
    either of them, or one of the words after the label, which offices use for the same.
    """

    label: str
    words: tuple[str, ...]

    def __new__(cls, value: str, label: str = "", *words: str) -> Self:
        """Make a member that is its stored value and knows its label."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label or value
        member.words = words
        return member


class CodeList:
    """Marks a text field whose values come from ``layers/codes/<name>.csv`` (columns ``code,label,...``).

    For lists that are too long, or change too often, to be an enumeration in Python: the event codes of
    GB/T 30428.2 with their local extensions.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.labels = read_code_list(name)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let a record refuse a code that the list doesn't have."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: str | list[str] | None) -> str | list[str] | None:
        for code in [value] if isinstance(value, str) else value or []:
            if code not in self.labels:
                raise PydanticCustomError(
                    "code_list", "{code} is not in the code list {name}", {"code": code, "name": self.name}
                )
        return value


def read_code_list(name: str) -> dict[str, str]:
    """Return ``{code: label}`` of one list, in the file's order.

    Raises
    ------
    DeclarationError
        When the file is missing, empty, lacks a column or says a code twice.
    """
    source = resources.files("layers") / "codes" / f"{name}.csv"
    where = f"layers/codes/{name}.csv"
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DeclarationError(f"{where}: the code list does not exist") from error
    labels: dict[str, str] = {}
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        if not row.get("code") or not row.get("label"):
            raise DeclarationError(f"{where} line {number}: needs a code and a label")
        if row["code"] in labels:
            raise DeclarationError(f"{where} line {number}: code {row['code']} stands twice")
        labels[row["code"]] = row["label"]
    if not labels:
        raise DeclarationError(f"{where}: holds no code")
    return labels
