"""What the sender answers of a file: kept with its proposal, and of headers remembered for files that come later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.proposal_tables import HEADER_ANSWER
from gis_service.surveys.files.reading import ReadLimits
from gis_service.surveys.proposal import Reading
from layers.record import Source
from layers.registry import LAYERS


def reading_of(conn: Connection, row: Mapping[str, Any], limits: ReadLimits) -> Reading:
    """Return how a file is to be read, by what was answered for it and by what was said of headers before."""
    answers = row["answers"]
    columns = {name.removeprefix("column:"): value for name, value in answers.items() if name.startswith("column:")}
    return Reading(
        crs=answers.get("crs"), sheet=answers.get("sheet"), source=Source(row["source"]),
        attribution=row["attribution"], mode=row["mode"], grid=row["grid"], limits=limits, name=row["file_name"],
        columns={**_remembered_headers(conn, row["community"], row["layer"]),
                 **{header: value or None for header, value in columns.items()}},
        ask_columns=answers.get("ask_columns") != "no", dissolve=answers.get("dissolve"),
        where=_where(answers.get("where")),
    )  # fmt: skip


def _where(text: str | None) -> tuple[str, frozenset[str]] | None:
    if text is None:
        return None
    column, sign, values = text.partition("=")
    if not (column and sign and values):
        raise InputError(f"--where {text!r} 不对:应为 列=值,值。", "--where takes COLUMN=VALUE,VALUE.")
    return column, frozenset(values.split(","))


def _remembered_headers(conn: Connection, community: str, layer: str | None) -> dict[str, str | None]:
    """Return what people said of headers before."""
    rows = conn.execute(
        select(HEADER_ANSWER.c.header, HEADER_ANSWER.c.field).where(
            HEADER_ANSWER.c.community == community, HEADER_ANSWER.c.layer == layer
        )
    )
    return {str(header): name for header, name in rows}


def check_columns(layer: str | None, answers: Mapping[str, str]) -> None:
    """Raise InputError when what is said of columns names no field of the layer, or one field for two columns."""
    if layer is None:
        return
    fields = {one: found for found in LAYERS[layer].fields for one in (found.title, found.name)}
    by: dict[str, str] = {}
    for name, value in answers.items():
        if not name.startswith("column:") or not value:
            continue
        column = name.removeprefix("column:")
        if value not in fields:
            raise InputError(
                f"图层“{LAYERS[layer].title}”没有字段 {value[:60]!r},列“{column[:60]}”无法对应;请另选一个字段。",
                f"The layer has no field {value[:60]!r}.",
            )
        found = fields[value]
        if found.name in by:
            raise InputError(
                f"列“{by[found.name][:60]}”和“{column[:60]}”都对应到“{found.title}”;一个字段只能对应一列,请改掉其中一个。",
                f"Two columns are said to be the field {found.name}.",
            )
        by[found.name] = column


def remember_headers(conn: Connection, community: str, layer: str | None, answers: Mapping[str, str]) -> None:
    """Keep what was said of headers, for the next file that has them."""
    for name, value in answers.items():
        if name.startswith("column:") and layer is not None:
            given = {"field": value or None}
            conn.execute(
                upsert(HEADER_ANSWER)
                .values(community=community, layer=layer, header=name.removeprefix("column:")[:200], **given)
                .on_conflict_do_update(constraint="header_answer_pkey", set_=given)
            )
