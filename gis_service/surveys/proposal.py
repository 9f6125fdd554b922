"""An upload is a proposal: what would be added, changed, moved or refused, and why; then someone commits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gis_service.features.staging import Changes, Staging
from gis_service.surveys.columns.headers import Matching
from gis_service.surveys.files.reading import JOB, ReadLimits, Sheet
from gis_service.surveys.proposal_rows import RowProblem, WaitingRow
from layers.layer import Layer
from layers.record import Source

Progress = Callable[[int, int | None], None]
"""Called with rows read so far and rows in all, where the file says how many."""


@dataclass(frozen=True)
class Refusal:
    """A row that isn't taken: its number in the sheet, its code where it has one, and the reason in Chinese.

    ``field`` is the name of the field at fault, None where it is the row as a whole; a row may have several.
    """

    row: int
    code: str
    reason: str
    field: str | None = None


@dataclass(frozen=True)
class Reading:
    """How a survey file is to be read (see ``read_survey``), and where its rows come from.

    Attributes
    ----------
    source
        What rows that don't say so themselves are marked with.
    attribution
        The words that every map with these rows must carry, such as ``© OpenStreetMap contributors``.
    where
        A column and the values in it that are wanted; rows with others are left aside, neither taken nor refused.
    mode, grid
        ``append`` refuses rows whose code is stored already; ``upsert`` changes them; ``replace`` also removes what
        stands in the grid (15 digits) and isn't in the file.
    name
        The name the file was sent under, when its path has another one.
    columns
        Headers that someone has said the field of; None: not to be imported.
    ask_columns
        Whether columns that likely mean a field are asked about.
    """

    crs: str | None = None
    sheet: str | None = None
    dissolve: str | None = None
    source: Source = Source.SURVEYED
    attribution: str | None = None
    where: tuple[str, frozenset[str]] | None = None
    limits: ReadLimits = JOB
    mode: str = "upsert"
    grid: str | None = None
    name: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    ask_columns: bool = False


@dataclass
class Proposal:
    """What an upload would do, waiting in the open transaction.

    Attributes
    ----------
    refusals
        Every refused row, in the order of the sheet.
    """

    layer: Layer
    community: str
    file_name: str
    sheet: Sheet
    matching: Matching
    staging: Staging
    changes: Changes
    codes_made: bool
    notes: tuple[str, ...]
    source: Source
    source_assumed: bool
    attribution: str | None
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    waiting: list[WaitingRow] = field(default_factory=list)
    rows_read: int = 0
