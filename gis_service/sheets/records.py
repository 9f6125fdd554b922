"""Records of sheets: one row says what was asked for, and by what the sheet can be traced."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, text, update
from sqlalchemy.engine import Connection

from gis_service.areas import read_area
from gis_service.errors import NotFoundError
from gis_service.export_tables import EXPORT
from gis_service.features.question import end_of
from gis_service.past import Past
from gis_service.scope import Scope, values_of, within
from gis_service.tables import JOB, LAYER_VERSION, tables_of
from layers.registry import LAYERS

EXPORT_JOB = "export"
EVERY_GRID = "all"
"""Instead of a grid's code: a book with a sheet for each."""

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of Crockford's base 32: none of them is taken for another one when a code is read from paper."""
_CODE_SIGNS = 8


@dataclass(frozen=True)
class SheetOrder:
    """What is asked for; see the columns of the table.

    Attributes
    ----------
    day
        For which ages and time limits are reckoned.
    grid
        A code, ``EVERY_GRID``, or None for the whole community.
    as_of
        The day at whose end in Shanghai the records are taken; None for the moment of making.
    """

    name: str
    format: str
    paper: str
    orientation: str
    day: date
    scale: int | None = None
    grid: str | None = None
    author: str = ""
    review: str = ""
    as_of: date | None = None

    def past_of(self, community: str) -> Past | None:
        """Return of which moment the records of a community are shown; None for the moment of making."""
        return Past(community, end_of(self.as_of)) if self.as_of else None


@dataclass(frozen=True)
class Figure:
    """One figure that a sheet shows; ``value`` None is unknown."""

    title: str
    value: float | None
    unit: str


@dataclass(frozen=True)
class SheetRecord:
    """A sheet that was asked for, and what came of it; ``made_at`` is None until it is there."""

    community: str
    id: uuid.UUID
    code: str
    order: SheetOrder
    areas: tuple[str, ...]
    title: str
    finding: str
    versions: Mapping[str, int]
    figures: Sequence[Figure]
    sha256: str | None
    bytes: int | None
    made_at: datetime | None
    actor: str
    created_at: datetime

    @property
    def file_name(self) -> str:
        """How the file is called when it is saved."""
        return f"{self.title or self.order.name}-{self.order.day}.{self.order.format}"


def add_order(
    conn: Connection, scope: Scope, community: str, order: SheetOrder, identifier: uuid.UUID | None = None
) -> SheetRecord:
    """Note what is asked for; return the record.

    Raises
    ------
    NotFoundError
        When the community isn't registered or lies outside the scope.
    """
    read_area(conn, community)
    identifier = identifier or uuid.uuid4()
    areas = list(scope.narrowed(community).areas)
    conn.execute(
        insert(EXPORT).values(
            community=community, id=identifier, code=code_of(identifier), areas=areas, **asdict(order)
        )
    )  # fmt: skip
    return read_record(conn, str(identifier))


def code_of(identifier: uuid.UUID) -> str:
    """Return the short code of a record, as it is printed: 7K3M-Q2XA."""
    number = identifier.int
    signs = ""
    for _ in range(_CODE_SIGNS):
        number, at = divmod(number, len(_SIGNS))
        signs += _SIGNS[at]
    return f"{signs[:4]}-{signs[4:]}"


def read_record(conn: Connection, key: str) -> SheetRecord:
    """Return a record by its identifier, or by the code on the sheet.

    Raises
    ------
    NotFoundError
        When the scope sees none.
    """
    named = [EXPORT.c.code == key.upper()]
    with suppress(ValueError):
        named.append(EXPORT.c.id == uuid.UUID(key))
    row = conn.execute(select(EXPORT).where(or_(*named))).mappings().first()
    if row is None:
        raise NotFoundError(
            f"没有编号为 {key[:60]} 的图,或不在您的范围内(也可能已过保留期)。", f"There is no export {key[:60]!r}."
        )
    return _record(row)


def note_taken(conn: Connection, record: SheetRecord) -> None:
    """Note in the audit that somebody took the file of a sheet, which leaves the service with it."""
    conn.execute(text("select gis.export_taken(:community, :id)"), {"community": record.community, "id": record.id})


def list_records(conn: Connection, *, limit: int, community: str | None = None) -> list[SheetRecord]:
    """Return the records that the scope sees, the latest first."""
    asked = select(EXPORT).order_by(EXPORT.c.created_at.desc(), EXPORT.c.id).limit(limit)
    if community is not None:
        asked = asked.where(EXPORT.c.community == community)
    return [_record(row) for row in conn.execute(asked).mappings()]


def _record(row: Mapping[Any, Any]) -> SheetRecord:
    order = SheetOrder(**{name: row[name] for name in SheetOrder.__dataclass_fields__})
    figures = tuple(Figure(**one) for one in row["figures"])
    names = (
        "community",
        "id",
        "code",
        "title",
        "finding",
        "versions",
        "sha256",
        "bytes",
        "made_at",
        "actor",
        "created_at",
    )
    return SheetRecord(order=order, figures=figures, areas=tuple(row["areas"]), **{name: row[name] for name in names})


@dataclass(frozen=True)
class Made:
    """What a sheet turned out to be."""

    title: str
    finding: str
    scale: int | None
    versions: Mapping[str, int]
    figures: Sequence[Figure]
    sha256: str
    bytes: int


def finish_record(conn: Connection, record: SheetRecord, made: Made) -> bool:
    """Note what was made; return False when somebody has deleted the record meanwhile."""
    values = {**asdict(made), "figures": [asdict(one) for one in made.figures], "made_at": text("now()")}
    return bool(conn.execute(update(EXPORT).where(*_of(record)).values(**values)).rowcount)


def cancel_order(conn: Connection, record: SheetRecord) -> None:
    """Forget a sheet that isn't made yet; of one that is made the record stays, for whoever holds the paper."""
    if record.made_at is not None:
        return
    conn.execute(delete(EXPORT).where(*_of(record)))
    about = (JOB.c.community == record.community, JOB.c.id == record.id)
    left = JOB.c.state.in_(("waiting", "running"))
    conn.execute(update(JOB).where(*about, left).values(state="cancelled", finished_at=text("now()")))


def count_unfinished(conn: Connection, actor: str) -> int:
    """Return how many sheets somebody waits for."""
    asked = select(func.count()).where(JOB.c.kind == EXPORT_JOB, JOB.c.actor == actor, JOB.c.state.in_(_UNFINISHED))
    return int(conn.execute(asked).scalar_one())


_UNFINISHED = ("waiting", "running")


def _of(record: SheetRecord) -> tuple[Any, Any]:
    return EXPORT.c.community == record.community, EXPORT.c.id == record.id


def read_versions(conn: Connection, community: str) -> dict[str, int]:
    """Return the version of each layer of a community."""
    asked = select(LAYER_VERSION.c.layer, LAYER_VERSION.c.version).where(LAYER_VERSION.c.community == community)
    return {layer: version for layer, version in conn.execute(asked.order_by(LAYER_VERSION.c.layer)) if layer in LAYERS}


def list_grids(conn: Connection, scope: Scope, community: str) -> list[tuple[str, str]]:
    """Return code and name of the governance grids of a community, in the order of their codes."""
    layer = LAYERS["grid"]
    table = tables_of(layer).current
    asked = (
        select(table.c.code, table.c.name)
        .where(within(scope, table, layer.visibility), table.c.community == community, table.c.level == "governance")
        .order_by(table.c.code)
    )
    return [(code, name or code) for code, name in conn.execute(asked, values_of(scope))]
