"""From a survey file to a proposal: read, placed, matched, checked and compared, in one open transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area, read_area
from gis_service.errors import InputError
from gis_service.features.staging import StagedRow, Staging
from gis_service.rules import read_rules
from gis_service.surveys.checks import warnings_of
from gis_service.surveys.columns.headers import Matching, match_headers
from gis_service.surveys.columns.positioning import DEFAULT_LIMIT, position_limit
from gis_service.surveys.columns.rows import RowReader
from gis_service.surveys.common_shift import shift_of_staged
from gis_service.surveys.files.datum import Claim
from gis_service.surveys.files.errors import SeveralLayersError
from gis_service.surveys.files.reading import Batch, Sheet, SurveyError, read_survey
from gis_service.surveys.georeference import Verdict, check_system
from gis_service.surveys.other_addresses import addresses_that_differ
from gis_service.surveys.places.ledger import LedgerRow, Placement, code_from_address, place_rows
from gis_service.surveys.places.same_place import match_by_place
from gis_service.surveys.proposal import Progress, Proposal, Reading, Refusal
from gis_service.surveys.proposal_rows import RowProblem, WaitingRow
from gis_service.surveys.questions import OpenQuestionError, Option, Question
from layers.layer import Layer


def propose(
    conn: Connection, layer: Layer, community: str, path: Path, reading: Reading, progress: Progress | None = None
) -> Proposal:
    """Read a survey file into the transaction's staging and compare it with what is stored.

    Raises
    ------
    OpenQuestionError
        When its coordinate system is open; or which layer in it is meant; with ``ask_columns`` also when a column is.
    InputError
        When the file can't be read, or gives none of the layer's fields.
    """
    # The session's limits are for questions; a survey may take as long as its reading may.
    conn.execute(text(f"set local statement_timeout = {int(reading.limits.wall_s * 2000)}"))
    draft = _read(conn, layer, read_area(conn, community), path, reading, progress)
    _place(conn, draft)
    if draft.reader.codes_made and not draft.sheet.placeless:
        matched = match_by_place(conn, draft.staging, draft.area)
        draft.notes += [f"文件没有编码列:{len(matched):,} 行按地址或位置对上了已有的要素。"] if matched else []
    _check(conn, draft)
    draft.refusals.sort(key=lambda refusal: refusal.row)
    return Proposal(
        layer, community, reading.name or path.name, draft.sheet, draft.matching, draft.staging,
        draft.staging.count(conn), draft.reader.codes_made, (*_read_otherwise(draft, reading), *draft.notes),
        reading.source, draft.reader.source_assumed, reading.attribution, draft.refusals, draft.warnings,
        draft.waiting, draft.rows_read,
    )  # fmt: skip


@dataclass
class _Draft:
    """A proposal in the making: what the file is, what of it is staged, and what isn't."""

    layer: Layer
    area: Area
    reading: Reading
    sheet: Sheet
    matching: Matching
    reader: RowReader
    staging: Staging
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    unplaced: list[tuple[int, str, list[object]]] = field(default_factory=list)
    waiting: list[WaitingRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows_read: int = 0


def _read(
    conn: Connection, layer: Layer, area: Area, path: Path, reading: Reading, progress: Progress | None,
    verdict: Verdict | None = None,
) -> _Draft:  # fmt: skip
    """Read the file into the staging, a second time where the check finds another system than it was read in."""
    try:
        with read_survey(
            path, geometry=layer.geometry, crs=reading.crs, layer=reading.sheet, dissolve=reading.dissolve,
            limits=reading.limits, metric_srid=area.metric_srid, name=reading.name, ledgers=True,
        ) as (opened, batches):  # fmt: skip
            checked = verdict or check_system(conn, layer, area, opened)
            if checked.crs != opened.crs and verdict is None:
                return _read(conn, layer, area, path, replace(reading, crs=checked.crs), progress, checked)
            said = checked.said if verdict else f"{opened.crs_evidence}{checked.said}"
            claim = Claim.VALUES if verdict else opened.claim
            sheet = replace(opened, crs_evidence=said, claim=claim)
            matching = match_headers(layer, sheet.columns, sheet.sample_rows, reading.columns)
            if reading.ask_columns:
                _ask_columns(layer, matching)
            draft = _Draft(
                layer, area, reading, sheet, matching, *_prepared(conn, layer, area, sheet, matching, reading)
            )  # fmt: skip
            draft.staging.create(conn)
            left = _left(batches, _wanted(sheet, reading.where))
            draft.staging.fill(conn, _staged(left, draft, progress))
    except SeveralLayersError as error:
        raise _asked_sheet(error) from error
    except SurveyError as error:
        raise InputError(str(error), f"The survey file can't be used: {path.name}") from error
    if draft.reader.source_assumed:
        draft.staging = replace(draft.staging, for_new=draft.staging.for_new | {"source"})
    draft.warnings += [RowProblem(*one) for one in draft.reader.warnings]
    return draft


def _prepared(
    conn: Connection, layer: Layer, area: Area, sheet: Sheet, matching: Matching, reading: Reading
) -> tuple[RowReader, Staging]:
    limit = DEFAULT_LIMIT
    if matching.gps_accuracy is not None:
        limit = position_limit(layer, sheet.columns[matching.gps_accuracy], read_rules(conn, area.code))
    reader = RowReader(layer, matching.fields, reading.source, matching.gps_accuracy, limit)
    return reader, Staging(layer, area.code, reader.fields)


def _left_to_steps(conn: Connection, draft: _Draft) -> list[str]:
    """Say what the file has otherwise of known cases and isn't taken."""
    left = draft.staging.left_to_steps(conn)
    if not left:
        return []
    said = "、".join(f"“{draft.layer.field(name).title}” {count:,} 行" for name, count in left.items())
    return [f"与已有的案件不同、没有改:{said};已有案件的这些内容由办理步骤改变,不随文件改动。"]


def _kept(codes: list[str]) -> list[str]:
    """Say what the file doesn't have and stays all the same."""
    if not codes:
        return []
    named = "、".join(codes[:5]) + (" 等" if len(codes) > 5 else "")
    return [f"文件里没有、也没有删除:{named} {len(codes):,} 件已有办理经过或照片;请用办理步骤结束。"]


def _ask_columns(layer: Layer, matching: Matching) -> None:
    """Raise OpenQuestionError when columns likely mean fields, which only the sender can confirm."""
    if not matching.suggested:
        return
    questions, claimed = [], set[str]()
    for one in matching.suggested:
        options = [Option(name, layer.field(name).title, score, reason) for name, score, reason in one.options]
        # The first option is what most people take: of two columns that are like one field only one begins with it.
        free = [option for option in options if option.value not in claimed]
        taken = [option for option in options if option.value in claimed]
        claimed |= {option.value for option in free[:1]}
        listed_options = (*free, Option("", "不导入这一列", 0.0, ""), *taken)
        questions.append(Question(f"column:{one.column}", f"列“{one.column}”是什么?", listed_options))
    listed = "、".join(one.column for one in matching.suggested)
    raise OpenQuestionError(questions, f"这些列名没有见过,请确认是什么:{listed}。", "Some columns must be confirmed.")


def _asked_sheet(error: SeveralLayersError) -> OpenQuestionError:
    options = tuple(Option(name, name, 0.0, "") for name in error.names)
    return OpenQuestionError(
        [Question("sheet", "文件里有几个图层或工作表,要用哪一个?", options)], str(error), "The file has several layers."
    )


def _staged(batches: Iterator[Batch], draft: _Draft, progress: Progress | None) -> Iterator[StagedRow]:
    for batch in batches:
        rows = zip(batch.row_numbers, batch.rows, batch.geometries, batch.reasons, batch.repairs, strict=True)
        for number, cells, geometry, reason, repair in rows:
            if reason is not None:
                draft.refusals.append(Refusal(number, draft.reader.code_of(cells), reason, "geom"))
                continue
            found = draft.reader.read(number, cells, geometry)
            if found.values is None:
                draft.refusals += [Refusal(number, found.code, one.message, one.field) for one in found.problems]
            elif geometry is None:
                draft.unplaced.append((number, found.code, found.values))
            else:
                if repair is not None:
                    draft.warnings.append(RowProblem(number, "geom", repair))
                yield number, found.values, geometry
        draft.rows_read += len(batch.rows)
        if progress is not None:
            progress(draft.rows_read, draft.sheet.row_count)
    if progress is not None:
        # Tables don't say beforehand how many rows they have, and some may have been left aside.
        progress(draft.rows_read, draft.rows_read)


def _place(conn: Connection, draft: _Draft) -> None:
    """Place the rows that have no coordinates by code or address; what can't be placed waits (待落图)."""
    if not draft.unplaced:
        return
    names = [found.name for found in draft.reader.fields]
    rows = [LedgerRow(number, dict(zip(names, values, strict=True))) for number, _, values in draft.unplaced]
    placements = place_rows(conn, draft.layer, draft.area, rows)
    first_of: dict[str, int] = {}
    placed: list[StagedRow] = []
    for row, (number, code, values), placement in zip(rows, draft.unplaced, placements, strict=True):
        if draft.reader.codes_made:
            code = (placement and placement.code) or code_from_address(draft.area, row.values)  # noqa: PLW2901
            values[names.index("code")] = code
            first = first_of.setdefault(code, number)
            if first != number:
                said = f"与第 {first} 行的地址和名称都一样,分不出是两个;请补上室号或编码,或删去一行。"
                draft.refusals.append(Refusal(number, "", said))
                continue
        if placement is None:
            told = dict(zip(names, values, strict=True))
            draft.waiting.append(WaitingRow(number, code, told, "地址对不上唯一的楼栋或地块;请在地图上点出位置。"))
            continue
        if placement.warning:
            draft.warnings.append(RowProblem(number, "address", placement.warning))
        placed.append((number, values, placement.geometry))
    draft.staging.fill(conn, placed)
    draft.notes.append(_placed_said(placements, len(draft.waiting)))


def _placed_said(placements: Iterable[Placement | None], waiting: int) -> str:
    how = Counter(placement.how for placement in placements if placement is not None)
    by_address = how.pop("address", 0)
    said = [f"按地址落图 {by_address:,} 行"] if by_address else []
    said += [f"按编码落图 {total:,} 行"] if (total := sum(how.values())) else []
    said += [f"待落图 {waiting:,} 行"] if waiting else []
    return f"没有坐标的行:{'、'.join(said)}。"


def _check(conn: Connection, draft: _Draft) -> None:
    """Compare the staged rows with the community, with each other and with what is stored; refuse what can't be."""
    staging = draft.staging
    outside = [
        Refusal(row, code, f"位置在社区边界之外约 {metres:,.0f} 米;请检查坐标系或社区代码。", "geom")
        for row, code, metres in staging.outside(conn)
    ]
    staging.leave_out(conn, [one.row for one in outside])
    doubtful = warnings_of(conn, draft.layer, draft.area)
    faulty = [Refusal(one.row, "", one.message, one.field) for one in doubtful if one.refuse]
    draft.warnings += [RowProblem(one.row, one.field, one.message) for one in doubtful if not one.refuse]
    staging.leave_out(conn, [one.row for one in faulty])
    staging.compare(conn)
    if shift := shift_of_staged(conn, staging, draft.area.metric_srid):
        draft.notes.append(shift.said)
    if (others := addresses_that_differ(conn, staging)) is not None and not draft.reader.codes_made:
        draft.notes.append(others)
    doubled = [
        Refusal(row, code, f"编码 {code} 在几个网格里都有,无法确定是哪一个。", "code")
        for row, code in staging.ambiguous(conn)
    ]
    staging.leave_out(conn, [one.row for one in doubled])
    draft.notes += _left_to_steps(conn, draft)
    draft.refusals += [*outside, *faulty, *doubled, *_against_mode(conn, staging, draft.reading)]
    if draft.reading.grid is not None:
        named = (*draft.reader.codes, *(one.code for one in draft.refusals), *(one.code for one in draft.waiting))
        draft.notes += _kept(staging.find_removed(conn, draft.reading.grid, named))


def _read_otherwise(draft: _Draft, reading: Reading) -> Iterator[str]:
    """Say what was read differently from how it is written."""
    if draft.reader.foreign_sources:
        words = "、".join(sorted(draft.reader.foreign_sources)[:3])
        yield f"“数据来源”列里的 {words} 不在代码表内,这些行的来源记为“{reading.source.label}”。"
    for title, (cell, value, count) in draft.reader.read_as.items():
        yield f"“{title}”里的 {cell} 读作 {value}" + (f",这样的共 {count:,} 格。" if count > 1 else "。")


def _against_mode(conn: Connection, staging: Staging, reading: Reading) -> list[Refusal]:
    """Refuse the rows that the mode doesn't allow."""
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
    return refusals


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
