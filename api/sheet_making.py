"""From an order to a sheet: read the ground, ask the analysis, draw, write; in a worker or on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from api.drawing import MOST_GROUND, answer_of, map_named
from gis_service.analysis.answer import Answer
from gis_service.areas import read_area
from gis_service.backups.sealing import sha256_of
from gis_service.database import Database
from gis_service.errors import NotFoundError
from gis_service.features.question import today
from gis_service.jobs import Job, Progress
from gis_service.overview import Overview, read_overview
from gis_service.scope import Scope
from gis_service.sheets.files import PREVIEW, SheetFiles
from gis_service.sheets.records import Figure, Made, SheetOrder, finish_record, read_record, read_versions
from maps.atlas import AtlasMap
from maps.sheets.paper import Orientation, Paper
from maps.sheets.sheet import Proof, Sheet, Wanted, draw_sheet
from maps.sheets.written import write_preview, write_sheet

EXPORT_JOB = "export"
_STEPS = 4


@dataclass(frozen=True)
class Drawn:
    """A drawn sheet, and what it tells of the data behind it."""

    sheet: Sheet
    versions: dict[str, int]
    figures: Sequence[Figure]


def draw_order(
    database: Database, scope: Scope, community: str, order: SheetOrder, *, code: str = "", address: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Drawn:  # fmt: skip
    """Draw the sheet that was asked for, of what the scope sees.

    Parameters
    ----------
    code, address
        By which the sheet can be traced: printed, and as a QR code.
    """
    entry = map_named(order.name)
    overview, answer, srid, versions = _read(database, scope, community, entry, order.day)
    progress(1, _STEPS)
    wanted = Wanted(
        Paper(order.paper), Orientation(order.orientation), order.scale, order.grid, order.author, order.review
    )
    proof = Proof(code, _said(versions, entry), address)
    title = entry.title.removeprefix("社区")
    public = entry.analysis is not None and entry.analysis.public
    sheet = draw_sheet(title, overview, answer, srid, wanted, proof, today(), public=public)
    progress(2, _STEPS)
    return Drawn(sheet, versions, figures_of(overview, answer))


def _read(
    database: Database, scope: Scope, community: str, entry: AtlasMap, day: date
) -> tuple[Overview, Answer | None, int, dict[str, int]]:
    with database.read(scope) as conn:
        srid = read_area(conn, community).metric_srid
        versions = read_versions(conn, community)
        overview = read_overview(conn, scope, community, layers=entry.ground, names=entry.fields, most=MOST_GROUND)
    answer = answer_of(database, scope, entry.analysis, community, day) if entry.analysis else None
    return overview, answer, srid, versions


def _said(versions: dict[str, int], entry: AtlasMap) -> str:
    """Return the versions as they are printed: their sum, which grows with every change of what the sheet shows."""
    shown = [version for layer, version in versions.items() if layer in entry.ground or entry.analysis is not None]
    return str(sum(shown)) if shown else ""


def figures_of(overview: Overview, answer: Answer | None) -> list[Figure]:
    """Return the figures by which a sheet is compared with what is so today."""
    if answer is None:
        return [Figure(one.layer.title, float(one.count), "个") for one in overview.layers]
    return [Figure(fact.title, fact.value, fact.unit) for fact in answer.facts]


def figures_today(database: Database, scope: Scope, community: str, order: SheetOrder) -> list[Figure]:
    """Return the same figures as they are today."""
    overview, answer, _, _ = _read(database, scope, community, map_named(order.name), today())
    return figures_of(overview, answer)


def make_in_background(
    database: Database, job: Job, progress: Progress, files: SheetFiles, public_url: str | None
) -> None:
    """Make the sheet of a job. Doing so anew after a kill gives the same file in the same place."""
    scope = job.scope
    with database.read(scope) as conn:
        try:
            record = read_record(conn, str(job.subject["export"]))
        except NotFoundError:
            # It was deleted before anybody took it up.
            return
    address = f"{public_url.rstrip('/')}/exports/{record.code}" if public_url else ""
    drawn = draw_order(
        database, scope, record.community, record.order, code=record.code, address=address, progress=progress
    )
    draft = files.draft(record.id, f".{record.order.format}")
    write_sheet(drawn.sheet, draft, record.order.format)
    progress(3, _STEPS)
    preview = files.draft(record.id, PREVIEW)
    write_preview(drawn.sheet, preview)
    made = Made(
        drawn.sheet.title, drawn.sheet.finding, drawn.sheet.scale, drawn.versions, drawn.figures, sha256_of(draft),
        draft.stat().st_size,
    )  # fmt: skip
    kept: list[Path] = [files.keep(draft), files.keep(preview)]
    with database.write(scope) as conn:
        there = finish_record(conn, record, made)
    if not there:
        for path in kept:
            path.unlink(missing_ok=True)
    progress(_STEPS, _STEPS)
