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
from gis_service.errors import InputError, NotFoundError
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
from maps.sheets.paper import WORKBOOK, Orientation, Paper
from maps.sheets.shapes import Features, read_features
from maps.sheets.sheet import Sheet, draw_sheet
from maps.sheets.workbook import Front, write_workbook
from maps.sheets.written import write_preview, write_sheet


def draw_order(ground: Ground, order: SheetOrder, code: str = "", address: str = "") -> Sheet:
    """Draw one sheet; ``code`` and ``address`` are printed on it, so that it can be traced."""
    paper, orientation = Paper(order.paper), Orientation(order.orientation)
    wanted = Wanted(
        paper, orientation, order.scale, order.grid, order.author, order.review, ground.areas, ground.partial,
        order.as_of,
    )  # fmt: skip
    analysis = ground.entry.analysis
    return draw_sheet(
        ground.entry.title.removeprefix("社区"), ground.overview, ground.answer, ground.srid, wanted,
        Proof(code, ground.version, address), today(), public=analysis is not None and analysis.public,
    )  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A file, what it says, and the sheet that stands for it: of a book that of the whole community, else none."""

    path: Path
    title: str
    finding: str
    sheet: Sheet | None


def write_order(
    ground: Ground, order: SheetOrder, place: Callable[[str], Path], progress: Progress, code: str = "",
    address: str = "",
) -> Written:  # fmt: skip
    """Draw and write what was asked for: a sheet, or a book with one sheet for each grid.

    Parameters
    ----------
    place
        Returns where a file with an ending is written. Pages of a book that lie there from an attempt that was broken
        off are taken as they are, if nothing has changed since.

    Raises
    ------
    InputError
        When a book is asked for in another format than PDF, or there are no grids.
    """
    if order.grid is not None and (order.format == WORKBOOK or "grid" not in ground.entry.ground):
        raise InputError(
            "工作簿和对外的图不分网格;请把范围选成整个社区。", "Workbooks and public maps aren't made for a grid."
        )
    if order.format == WORKBOOK:
        return _write_workbook(ground, order, place(f".{WORKBOOK}"), Proof(code, ground.version, address))
    if order.grid == EVERY_GRID:
        return _write_book(ground, order, place, progress, code, address)
    progress(1, 3)
    sheet = draw_order(ground, order, code, address)
    progress(2, 3)
    target = place(f".{order.format}")
    write_sheet(sheet, target, order.format)
    return Written(target, sheet.title, sheet.finding, sheet)


def _write_book(
    ground: Ground, order: SheetOrder, place: Callable[[str], Path], progress: Progress, code: str, address: str
) -> Written:
    if order.format != "pdf" or not ground.grids:
        raise InputError(
            "图册只有 PDF,而且社区里要有治理网格;请选 PDF,或先导入网格。", "A book is a PDF and needs grids."
        )
    whole = draw_order(ground, replace(order, grid=None), code, address)
    title = f"{whole.title}图册"
    names = [("索引:整个社区", None), *((name, grid) for grid, name in ground.grids)]
    pages: list[tuple[str, Path]] = []
    for number, (name, grid) in enumerate(names):
        progress(number, len(names) + 1)
        path = place(f".{number}.{ground.digest}.page")
        if not path.exists():
            draft = path.with_suffix(".drawing")
            sheet = whole if grid is None else draw_order(ground, replace(order, grid=grid), code, address)
            write_sheet(sheet, draft, "pdf")
            draft.rename(path)
        pages.append((name, path))
    target = place(".pdf")
    bind(pages, target, title)
    for _, path in pages:
        path.unlink()
    return Written(target, title, whole.finding, whole)


def _write_workbook(ground: Ground, order: SheetOrder, target: Path, proof: Proof) -> Written:
    overview, answer = ground.overview, ground.answer
    analysis = ground.entry.analysis
    wanted = Wanted(review=order.review, scope=ground.areas, partial=ground.partial)
    stamps = stamps_of(overview, wanted, public=analysis is not None and analysis.public)
    title = f"{overview.name}{ground.entry.title.removeprefix('社区')}"
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
    return Written(target, title, finding, None)


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
    if record.made_at is not None:
        # A kill came after the last step but one.
        return
    address = f"{public_url.rstrip('/')}/exports/{record.code}" if public_url else ""
    ground = read_ground(database, scope, record.community, record.order)
    written = write_order(
        ground, record.order, lambda ending: files.draft(record.id, ending), progress, record.code, address
    )
    drafts = [written.path]
    if written.sheet is not None:
        drafts.append(files.draft(record.id, PREVIEW))
        write_preview(written.sheet, drafts[-1])
    made = Made(
        written.title, written.finding, written.sheet.scale if written.sheet else None, ground.versions, ground.figures,
        sha256_of(written.path), written.path.stat().st_size,
    )  # fmt: skip
    kept = [files.keep(draft) for draft in drafts]
    with database.write(scope) as conn:
        there = finish_record(conn, record, made)
    files.clear_drafts(record.id)
    if not there:
        for path in kept:
            path.unlink(missing_ok=True)
    total = job_total(record.order, ground)
    progress(total, total)


def job_total(order: SheetOrder, ground: Ground) -> int:
    """Return of how many steps the making of an order is told to be."""
    return len(ground.grids) + 2 if order.grid == EVERY_GRID else 3
