"""An upload is a proposal: what would be added, changed, moved or refused, and why; then someone commits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.areas import read_area
from gis_service.errors import ConflictError, InputError
from gis_service.features.staging import Changes, StagedRow, Staging
from gis_service.features.write import refused_by_database
from gis_service.surveys.datum import Claim
from gis_service.surveys.georeference import Verdict, check_system
from gis_service.surveys.headers import Matching, match_headers
from gis_service.surveys.proposal_rows import RowProblem, WaitingRow
from gis_service.surveys.reading import JOB, Batch, ReadLimits, Sheet, SurveyError, read_survey
from gis_service.surveys.rows import RowReader
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


def propose(
    conn: Connection, layer: Layer, community: str, path: Path, reading: Reading, progress: Progress | None = None
) -> Proposal:
    """Read a survey file into the transaction's staging and compare it with what is stored.

    Raises
    ------
    InputError
        When the file can't be read, has no geometry, or gives none of the layer's fields.
    """
    # The session's limits are for questions; a survey may take as long as its reading may.
    conn.execute(text(f"set local statement_timeout = {int(reading.limits.wall_s * 2000)}"))
    area = read_area(conn, community)
    try:
        with read_survey(
            path, geometry=layer.geometry, crs=reading.crs, layer=reading.sheet, dissolve=reading.dissolve,
            limits=reading.limits, metric_srid=area.metric_srid, name=reading.name,
        ) as (sheet, batches):  # fmt: skip
            verdict = check_system(conn, layer, area, sheet)
            if verdict.crs != sheet.crs:
                return _read_again(conn, layer, community, path, replace(reading, crs=verdict.crs), verdict, progress)
            matching = match_headers(layer, sheet.columns, sheet.sample_rows)
            reader = RowReader(layer, matching.fields, reading.source)
            staging = Staging(layer, community, reader.fields)
            staging.create(conn)
            refusals: list[Refusal] = []
            wanted = _wanted(sheet, reading.where)
            staging.fill(conn, _staged(_left(batches, wanted), reader, refusals, sheet.row_count, progress))
    except SurveyError as error:
        raise InputError(str(error), f"The survey file can't be used: {path.name}") from error
    if reader.source_assumed:
        staging = replace(staging, for_new=frozenset({"source"}))
    outside = staging.outside(conn)
    refusals += [
        Refusal(row, code, f"位置在社区边界之外约 {metres:,.0f} 米;请检查坐标系或社区代码。")
        for row, code, metres in outside
    ]
    staging.leave_out(conn, [row for row, _, _ in outside])
    staging.compare(conn)
    doubled = staging.ambiguous(conn)
    if doubled:
        refusals += [Refusal(row, code, f"编码 {code} 在几个网格里都有,无法确定是哪一个。") for row, code in doubled]
        staging.leave_out(conn, [row for row, _ in doubled])
    refusals += _against_mode(conn, staging, reading)
    notes: tuple[str, ...] = ()
    if reader.foreign_sources:
        words = "、".join(sorted(reader.foreign_sources)[:3])
        notes = (f"“数据来源”列里的 {words} 不在代码表内,这些行的来源记为“{reading.source.label}”。",)
    refusals.sort(key=lambda refusal: refusal.row)
    checked = replace(sheet, crs_evidence=f"{sheet.crs_evidence}{verdict.said}")
    return Proposal(
        layer, community, path.name, checked, matching, staging, staging.count(conn), reader.codes_made, notes,
        reading.source, reader.source_assumed,
        reading.attribution, refusals,
    )  # fmt: skip


def _against_mode(conn: Connection, staging: Staging, reading: Reading) -> list[Refusal]:
    """Refuse the rows that the mode doesn't allow, and find what it removes."""
    refusals = []
    if reading.mode == "append":
        refusals = [
            Refusal(row, code, f"编码 {code} 已经有了;追加只收新的,要更新请用更新方式(upsert)。", "code")
            for row, code in staging.known(conn)
        ]
    elif reading.grid is not None:
        refusals = [
            Refusal(row, code, f"位置不在要替换的网格 {reading.grid} 里,而在 {where or '网格之外'}。")
            for row, code, where in staging.beyond(conn, reading.grid)
        ]
    staging.leave_out(conn, [one.row for one in refusals])
    staging.find_removed(conn, reading.grid)
    return refusals


def _read_again(
    conn: Connection, layer: Layer, community: str, path: Path, reading: Reading, verdict: Verdict,
    progress: Progress | None,
) -> Proposal:  # fmt: skip
    """Read a file once more, in the system that the check found."""
    made = propose(conn, layer, community, path, reading, progress)
    return replace(made, sheet=replace(made.sheet, crs_evidence=verdict.said, claim=Claim.VALUES))


def _wanted(sheet: Sheet, where: tuple[str, frozenset[str]] | None) -> tuple[int, frozenset[str]] | None:
    if where is None:
        return None
    column, values = where
    if column not in sheet.columns:
        raise InputError(
            f"--where 里的列 {column!r} 不在文件里;文件有:{'、'.join(sheet.columns)}。",
            f"The column {column!r} isn't in the file.",
        )
    return sheet.columns.index(column), values


def _left(batches: Iterator[Batch], wanted: tuple[int, frozenset[str]] | None) -> Iterator[Batch]:
    """Leave aside the rows whose cell isn't wanted."""
    for batch in batches:
        if wanted is None:
            yield batch
            continue
        kept = [number for number, cells in enumerate(batch.rows) if str(cells[wanted[0]]) in wanted[1]]
        yield Batch(
            batch.first_row,
            [batch.rows[number] for number in kept],
            [batch.geometries[number] for number in kept],
            [batch.reasons[number] for number in kept],
            [batch.repairs[number] for number in kept],
            [batch.row_numbers[number] for number in kept],
        )


def _staged(
    batches: Iterator[Batch], reader: RowReader, refusals: list[Refusal], total: int | None, progress: Progress | None
) -> Iterator[StagedRow]:
    done = 0
    for batch in batches:
        cells_of = zip(batch.row_numbers, batch.rows, batch.geometries, batch.reasons, strict=True)
        for number, cells, geometry, reason in cells_of:
            if reason is not None or geometry is None:
                refusals.append(Refusal(number, "", reason or "没有几何。"))
                continue
            row = reader.read(number, cells, geometry)
            if row.values is None:
                refusals.append(Refusal(number, row.code, row.reason))
            else:
                yield number, row.values, geometry
        done += len(batch.rows)
        if progress is not None:
            progress(done, total)


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
