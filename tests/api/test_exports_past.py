"""What is exported as of a past day equals, number by number, what was exported on that day."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest
from pptx import Presentation
from sqlalchemy import Engine, text

from api.sheet_ground import Ground, read_ground
from api.sheet_making import write_order
from gis_service.database import Database, connect, open_engine
from gis_service.features.question import today
from gis_service.local_cluster import LocalCluster
from gis_service.past import TWINS
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sheets.records import SheetOrder
from layers.registry import LAYERS
from maps.atlas import MAPS
from maps.sheets.contents import Proof

STAFF, WORKER = Scope("test", "staff", (COMMUNITY,)), Scope("w", "grid_worker", (f"{COMMUNITY}003",))
THEN = today() - timedelta(days=2)
USUAL = [(STAFF, "hazards", "xlsx")]
MORE = [
    *((scope, name, kind) for scope in (STAFF, WORKER) for name in ("overview", "hazards") for kind in ("pdf", "pptx")),
    *((STAFF, name, kind) for name in MAPS for kind in ("pdf", "xlsx")),
]
Lived = tuple[Database, dict[Any, tuple[Ground, list[Any]]]]


def order_of(name: str, kind: str, as_of: date | None = None) -> SheetOrder:
    return SheetOrder(name, kind, "A4", "landscape", THEN, as_of=as_of)


def made(database: Database, scope: Scope, order: SheetOrder, folder: Path) -> tuple[Ground, list[Any]]:
    """Return the ground of an export, and everything that its file says but for the lines that tell its making."""
    ground = read_ground(database, scope, COMMUNITY, order)
    path = write_order(ground, order, lambda ending: folder / f"one{ending}", lambda _d, _t: None, Proof()).path
    return ground, [one for one in _said(path) if not any(mark in str(one) for mark in ("数据截至", "制图", "计算日"))]


def _said(path: Path) -> Iterator[Any]:
    if path.suffix == ".xlsx":
        for sheet in openpyxl.load_workbook(path).worksheets:
            yield sheet.title
            # A layer's rows come in no order of their own.
            yield from sorted(str([cell.value for cell in row]) for row in sheet.iter_rows())
    elif path.suffix == ".pptx":
        for slide in Presentation(str(path)).slides:
            for shape in slide.shapes:
                if shape.has_text_frame:
                    yield shape.text_frame.text
                elif shape.has_table:
                    yield [[cell.text for cell in row.cells] for row in shape.table.rows]
                elif shape.has_chart:
                    plot = shape.chart.plots[0]
                    yield list(plot.categories), [(one.name, list(one.values)) for one in plot.series]
    else:
        document = pypdfium2.PdfDocument(path.read_bytes())
        yield from sorted(document[0].get_textpage().get_text_bounded().splitlines())
        document.close()


def let_days_pass(superuser: Engine, days: int) -> None:
    """Put everything that was ever recorded back by so many days."""
    moved = f"- interval '{days} days'"
    histories = [*(f"{name}_history" for name in LAYERS), *(twin.name for twin in TWINS.values())]
    with superuser.begin() as conn:
        conn.execute(text("set local session_replication_role = replica"))
        for name in histories:
            conn.execute(
                text(f"update gis.{name} set recorded_at = recorded_at {moved}, recorded_to = recorded_to {moved}")
            )
        for name in ("layer_version", "layer_version_history"):
            conn.execute(text(f"update gis.{name} set changed_at = changed_at {moved}"))
        for name in LAYERS:
            conn.execute(text(f"update gis.{name} set recorded_at = recorded_at {moved}"))
            conn.execute(text(f"update gis.{name} set version = version"))


@pytest.fixture(scope="module", params=[USUAL, pytest.param(MORE, marks=pytest.mark.long)], ids=["usual", "every"])
def lived(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str, request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lived]:  # fmt: skip
    """A sample whose exports of the day before yesterday are known, and which was changed much since."""
    name = make_database(untouched_sample)
    database, owner = connect(cluster.url("gis_app", name)), open_engine(cluster.url("gis_owner", name))
    superuser = open_engine(cluster.url("postgres", name))
    let_days_pass(superuser, 2)
    folder = tmp_path_factory.mktemp("then")
    then = {kind: made(database, kind[0], order_of(*kind[1:]), folder) for kind in request.param}
    with owner.begin() as conn:
        for layer in sorted(LAYERS.keys() - {"grid", "community"}):
            conn.execute(text(f"update gis.{layer} set geom = st_translate(geom, 0.0004, 0) where random() < 0.3"))
            conn.execute(text(f"delete from gis.{layer} where random() < 0.2"))
        conn.execute(text("update gis.grid set name = name || '(新)'"))
        conn.execute(text("update gis.hazard set status = 'closed', closed_on = found_on where random() < 0.5"))
        conn.execute(text(f"insert into gis.area_rule values ('{COMMUNITY}', 'waste.radius_point', 20, '本地')"))
    yield database, then
    for one in (owner, superuser):
        one.dispose()
    database.close()


def test_an_export_as_of_that_day_says_what_it_said_then(lived: Lived, tmp_path: Path) -> None:
    database, then = lived
    for (scope, name, kind), (ground, said) in then.items():
        again, says = made(database, scope, order_of(name, kind, THEN), tmp_path)
        assert says == said, (name, kind)
        assert len(said) > 5
        assert again.figures == ground.figures
        assert (again.version, again.versions) == (ground.version, ground.versions)
        assert again.overview.data_date == ground.overview.data_date == str(THEN)
        _, today_says = made(database, scope, order_of(name, kind), tmp_path)
        assert today_says != said, f"the edits changed nothing in {name} {kind}"


def test_the_sheet_says_of_which_day_it_is(lived: Lived, tmp_path: Path) -> None:
    order = order_of("hazards", "pdf", as_of=THEN)
    ground = read_ground(lived[0], STAFF, COMMUNITY, order)
    path = write_order(ground, order, lambda ending: tmp_path / f"one{ending}", lambda _d, _t: None, Proof()).path
    held = pypdfium2.PdfDocument(io.BytesIO(path.read_bytes()))[0].get_textpage().get_text_bounded()
    assert f"数据截至 {THEN},按 {THEN} 结束时的记录" in held
