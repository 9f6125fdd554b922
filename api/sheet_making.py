"""From an order to a file: draw and write; in a worker or on the command line.

Drawing takes half a second to load and some 80 MB, so the service itself doesn't import this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from api.sheet_ground import Ground, read_ground
from gis_service.analysis.answer import Column
from gis_service.database import Database
from gis_service.digest import sha256_of
from gis_service.errors import InputError, NotFoundError, UnavailableError
from gis_service.features.question import today
from gis_service.jobs import Job, Progress
from gis_service.sheets.files import PREVIEW, SheetFiles
from gis_service.sheets.records import (
    EVERY_GRID,
    Made,
    SheetOrder,
    finish_record,
    read_record,
)
from layers.field import Kind
from maps.sheets.book import bind
from maps.sheets.contents import Proof, Wanted, dated, finding_of, stamps_of
from maps.sheets.deck import Subject
from maps.sheets.paper import SLIDES, UNDIVIDED, WORKBOOK, Orientation, Paper, undivided
from maps.sheets.shapes import Features, read_features
from maps.sheets.sheet import Sheet, draw_sheet
from maps.sheets.workbook import Front, write_workbook
from maps.sheets.written import write_preview, write_sheet


def wanted_of(ground: Ground, order: SheetOrder) -> Wanted:
    """Return what is to be drawn of a ground."""
    return Wanted(
        Paper(order.paper), Orientation(order.orientation), order.scale, order.grid, order.author, order.review,
        ground.areas, ground.partial, order.as_of, order.grid in ground.by_grid,
    )  # fmt: skip


def draw_order(ground: Ground, order: SheetOrder, proof: Proof) -> Sheet:
    """Draw one sheet."""
    return draw_sheet(
        _title(ground), ground.overview, ground.answer_for(order.grid), ground.srid, wanted_of(ground, order),
        proof, today(), public=_is_public(ground),
    )  # fmt: skip


def _title(ground: Ground) -> str:
    return ground.entry.title.removeprefix("社区")


def _is_public(ground: Ground) -> bool:
    return ground.entry.analysis is not None and ground.entry.analysis.public


@dataclass(frozen=True)
class Written:
    """A file, what it says, its scale, and what writes a small picture of it; a workbook has neither."""

    path: Path
    title: str
    finding: str
    scale: int | None = None
    preview: Callable[[Path], object] | None = None


def write_order(
    ground: Ground, order: SheetOrder, place: Callable[[str], Path], progress: Progress, proof: Proof,
    template: Path | None = None,
) -> Written:  # fmt: skip
    """Draw and write what was asked for: a sheet, a book with one sheet for each grid, slides, or a workbook.

    Parameters
    ----------
    place
        Returns where a file with an ending is written. Pages of a book that lie there from an attempt that was broken
        off are taken as they are, if nothing has changed since.
    proof
        What is printed so that it can be traced.
    template
        Whose look slides have.

    Raises
    ------
    InputError
        When a book is asked for in another format than PDF, or there are no grids.
    """
    if order.grid is not None and (order.format in UNDIVIDED or "grid" not in ground.entry.ground):
        raise undivided()
    if order.format == WORKBOOK:
        progress(1, 2)
        return _write_workbook(ground, order, place(f".{WORKBOOK}"), proof)
    if order.format == SLIDES:
        return _write_slides(ground, order, place(f".{SLIDES}"), progress, proof, template)
    if order.grid == EVERY_GRID:
        return _write_book(ground, order, place, progress, proof)
    progress(1, 3)
    sheet = draw_order(ground, order, proof)
    progress(2, 3)
    target = place(f".{order.format}")
    write_sheet(sheet, target, order.format)
    return _written(target, sheet.title, sheet)


def _written(target: Path, title: str, sheet: Sheet) -> Written:
    return Written(target, title, sheet.finding, sheet.scale, lambda path: write_preview(sheet, path))


def _write_book(
    ground: Ground, order: SheetOrder, place: Callable[[str], Path], progress: Progress, proof: Proof
) -> Written:
    if order.format != "pdf" or not ground.grids:
        raise InputError(
            "图册只有 PDF,而且社区里要有治理网格;请选 PDF,或先导入网格。", "A book is a PDF and needs grids."
        )
    whole = draw_order(ground, replace(order, grid=None), proof)
    title = f"{whole.title}图册"
    names = [("索引:整个社区", None), *((name, grid) for grid, name in ground.grids)]
    pages: list[tuple[str, Path]] = []
    for number, (name, grid) in enumerate(names):
        progress(number, len(names) + 1)
        path = place(f".{number}.{ground.digest}.page")
        if not path.exists():
            draft = path.with_suffix(".drawing")
            sheet = whole if grid is None else draw_order(ground, replace(order, grid=grid), proof)
            write_sheet(sheet, draft, "pdf")
            draft.rename(path)
        pages.append((name, path))
    target = place(".pdf")
    bind(pages, target, title)
    for _, path in pages:
        path.unlink()
    return _written(target, title, whole)


def _write_slides(
    ground: Ground, order: SheetOrder, target: Path, progress: Progress, proof: Proof, template: Path | None
) -> Written:
    from maps.sheets.slides import write_slides  # noqa: PLC0415 - a tenth of a second that only slides should take

    base, _, code = proof.address.partition("/exports/")
    address = f"{base if code else ''}/maps/{ground.entry.name}?community={ground.overview.community}"
    subject = Subject(
        _title(ground), ground.entry.description, address, ground.overview, ground.answer, ground.srid,
        wanted_of(ground, order),
    )  # fmt: skip
    made = write_slides(subject, proof, today(), target, progress, public=_is_public(ground), template=template)
    return Written(target, made.title, made.finding, None, made.write_preview)


def _write_workbook(ground: Ground, order: SheetOrder, target: Path, proof: Proof) -> Written:
    overview, answer = ground.overview, ground.answer
    wanted = wanted_of(ground, order)
    stamps = stamps_of(overview, wanted, public=_is_public(ground))
    title = f"{overview.name}{_title(ground)}"
    features = {one.layer.name: read_features(one.geojson, ground.srid) for one in overview.layers if one.geojson}
    finding = finding_of(overview, features, answer, wanted)
    lines = [
        dated(overview, answer, order.as_of),
        f"制图 {today()},范围 {'、'.join(ground.areas)}",
        *([f"{'、'.join(overview.left_out)}过多,未逐个列出"] if overview.left_out else []),
        *(f"数据来源:{one}" for one in overview.attributions),
    ]  # fmt: skip
    tables = [] if answer else [_counts_by_grid(ground, features)]
    write_workbook(Front(title, finding, stamps, lines), answer, tables, proof, target)
    return Written(target, title, finding)


def _counts_by_grid(
    ground: Ground, features: Mapping[str, Features]
) -> tuple[str, Sequence[Column], Sequence[dict[str, Any]]]:
    layers = [one.layer for one in ground.overview.layers if one.layer.name not in {"community", "grid"}]
    columns = [Column("code", "网格代码"), Column("name", "网格"),
               *(Column(layer.name, layer.title, Kind.INTEGER, "个") for layer in layers)]  # fmt: skip
    held = {
        layer.name: Counter(row.get("grid") for row in features[layer.name].properties)
        for layer in layers if layer.name in features
    }  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"code": code, "name": name, **{layer: counts[code] for layer, counts in held.items()}}
        for code, name in [*ground.grids, *([] if ground.partial else [(None, "网格以外")])]
    ]
    return "各网格", columns, rows


def make_in_background(
    database: Database, job: Job, progress: Progress, files: SheetFiles, public_url: str | None,
    template: Path | None = None,
) -> None:  # fmt: skip
    """Make the sheet of a job. Doing so anew after a kill gives the same file in the same place."""
    scope = job.scope
    with database.read(scope) as conn:
        try:
            record = read_record(conn, str(job.subject["export"]))
        except NotFoundError:
            # It was deleted before anybody took it up.
            return
    if record.made_at is not None:
        # A kill came after the last step but one.
        return
    try:
        ground = read_ground(database, scope, record.community, record.order)
        proof = proof_of(record.code, ground, public_url)
        written = write_order(
            ground, record.order, lambda ending: files.draft(record.id, ending), progress, proof, template
        )
        drafts = [written.path]
        if written.preview is not None:
            drafts.append(files.draft(record.id, PREVIEW))
            written.preview(drafts[-1])
    except UnavailableError:
        # It is taken up again, and so are the pages that are there.
        raise
    except Exception:
        files.clear_drafts(record.id)
        raise
    made = made_of(written, ground)
    kept = [files.keep(draft) for draft in drafts]
    with database.write(scope) as conn:
        there = finish_record(conn, record, made)
    files.clear_drafts(record.id)
    if not there:
        for path in kept:
            path.unlink(missing_ok=True)


def proof_of(code: str, ground: Ground, public_url: str | None) -> Proof:
    """Return by what a sheet can be traced; its address leads there only where the service's own is known."""
    address = f"{public_url.rstrip('/')}/exports/{code}" if public_url else ""
    return Proof(code, ground.version, address)


def made_of(written: Written, ground: Ground) -> Made:
    """Return what is noted of a file that was written."""
    return Made(
        written.title, written.finding, written.scale, ground.versions, ground.figures,
        sha256_of(written.path), written.path.stat().st_size,
    )  # fmt: skip
