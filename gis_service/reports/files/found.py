"""What is found in a form: places that can be filled, and what stands in the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

LINKED: Final = "网址"
"""The heading of the column that leads to the page behind a figure."""


@dataclass(frozen=True)
class FoundMark:
    """A placeholder in a text, and where it stands, as people say it."""

    asked: str
    at: str


@dataclass(frozen=True)
class FoundPlace:
    """A place without placeholder that a mapping may name.

    Attributes
    ----------
    place
        As a mapping names it: a defined name, ``表1!C5``, or ``表1!R2C3`` for a cell of a document's table.
    at
        Where it is, as people say it.
    beside
        Texts that label it, the nearest first.
    held
        The text that stands there now; filling it would cover it.
    named
        Whether somebody gave it a name, so that it is meant to be filled.
    """

    place: str
    at: str
    beside: tuple[str, ...] = ()
    held: str = ""
    named: bool = False


@dataclass(frozen=True)
class Found:
    """All that was found.

    Attributes
    ----------
    format
        ``XLSX`` or ``DOCX``.
    problems
        Chinese sentences about what would keep the form from being filled as it is meant.
    """

    format: str
    marks: tuple[FoundMark, ...]
    places: tuple[FoundPlace, ...]
    problems: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Found:
        """Return what was made plain; KeyError, TypeError or ValueError where it isn't that."""
        return cls(
            str(plain["format"]),
            tuple(FoundMark(str(one["asked"]), str(one["at"])) for one in plain["marks"]),
            tuple(
                FoundPlace(
                    str(one["place"]), str(one["at"]), tuple(str(text) for text in one["beside"]), str(one["held"]),
                    bool(one["named"]),
                )
                for one in plain["places"]
            ),
            tuple(str(one) for one in plain["problems"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Value:
    """What is put into a place: a text as people read it, and the number that it is, or None.

    ``percent`` says that the number is in percent, which a cell with a format of percent holds a hundredth of.
    """

    text: str
    number: float | None = None
    percent: bool = False


@dataclass(frozen=True)
class Filling:
    """What a form is filled with.

    Attributes
    ----------
    marks
        By :func:`gis_service.reports.figure.spelling_of` of what a placeholder asks.
    places
        By the place's name.
    source
        What is said of the sources: lines, then a table with its head.
    """

    marks: dict[str, Value]
    places: dict[str, Value]
    source: Source

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Filling:
        """Return what was made plain."""
        marks, places = ({key: Value(**value) for key, value in plain[name].items()} for name in ("marks", "places"))
        return cls(marks, places, Source.of(plain["source"]))


@dataclass(frozen=True)
class Source:
    """What a filled form says of where its numbers are from.

    Attributes
    ----------
    lines
        Sentences above the table: whose data, of which day.
    warnings
        Sentences about figures that contradict each other.
    head, rows
        The table: texts, numbers and None.
    links
        For each row, the address of the page that answers its question, or "".
    """

    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    links: tuple[str, ...]

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Source:
        """Return what was made plain."""
        return cls(
            tuple(plain["lines"]), tuple(plain["warnings"]), tuple(plain["head"]), tuple(map(tuple, plain["rows"])),
            tuple(plain["links"]),
        )  # fmt: skip
