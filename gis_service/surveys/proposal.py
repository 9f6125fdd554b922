"""An upload is a proposal: what would be added, changed, moved or refused, and why; then someone commits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.errors import ConflictError, InputError
from gis_service.features.staging import Changes, Staging
from gis_service.features.write import refused_by_database
from gis_service.surveys.headers import Matching
from gis_service.surveys.proposal_rows import RowProblem, WaitingRow
from gis_service.surveys.reading import JOB, ReadLimits, Sheet
from gis_service.tables import UPLOAD
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
    ask
        Whether what can't be told from the file is asked about.
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
    ask: bool = False


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


def commit(conn: Connection, proposal: Proposal, *, upload: str, key: str, accept_valid: bool) -> Changes:
    """Write a proposal in the transaction it waits in, and keep a record of the upload.

    Raises
    ------
    InputError
        When rows are refused and it isn't said that the valid ones are to be taken.
    ConflictError
        When the key stands for another file, or a rule of the database refuses a row.
    """
    check_acceptable(proposal, accept_valid=accept_valid)
    changes = proposal.changes
    sheet = proposal.sheet
    try:
        conn.execute(
            insert(UPLOAD).values(
                community=proposal.community, id=upload, key=key, layer=proposal.layer.name,
                file_name=proposal.file_name, sha256=sheet.sha256, crs=sheet.crs,
                crs_evidence=sheet.crs_evidence, encoding=sheet.encoding,
                added=changes.added, changed=changes.changed, moved=changes.moved, unchanged=changes.unchanged,
                refused=len(proposal.refusals), attribution=proposal.attribution,
            )
        )  # fmt: skip
        return proposal.staging.merge(conn)
    except IntegrityError as error:
        raise refused_by_database(proposal.layer, error) from error


def check_acceptable(proposal: Proposal, *, accept_valid: bool) -> None:
    """Raise InputError when rows are refused and the valid ones weren't asked for, or when there is none to take."""
    refused, changes = len(proposal.refusals), proposal.changes
    if refused and not accept_valid:
        raise InputError(
            f"有 {refused} 行被拒收,整份文件不会写入;请改正后重传,或加 --accept valid 只收其余各行。",
            f"{refused} rows are refused, so nothing is written; mend them or accept the valid ones.",
        )
    if not any((changes.added, changes.changed, changes.moved, changes.unchanged)):
        raise InputError(
            "文件里没有一行可以收下,没有写入任何内容。", "No row of the file can be taken; nothing was written."
        )


def discard(conn: Connection) -> None:
    """End the transaction of a proposal that isn't committed; nothing of it stays."""
    conn.rollback()


def committed_before(conn: Connection, proposal: Proposal, key: str) -> Changes | None:
    """Return what the upload with this key did, or None when the key is new.

    Raises
    ------
    ConflictError
        When the key stands for another file or layer.
    """
    row = conn.execute(
        select(UPLOAD).where(UPLOAD.c.community == proposal.community, UPLOAD.c.key == key)
    ).one_or_none()
    if row is None:
        return None
    if (row.sha256, row.layer) != (proposal.sheet.sha256, proposal.layer.name):
        raise ConflictError(
            f"幂等键 {key!r} 已用于另一次上传({row.file_name},图层 {row.layer});请换一个键。",
            f"The key {key!r} stands for another upload.",
        )
    return Changes(row.added, row.changed, row.moved, row.unchanged)
