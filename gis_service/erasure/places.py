"""Where in the database a value may stand: every text that people or files have written, derived from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

import gis_service.export_tables
import gis_service.proposal_tables
import gis_service.work_day_tables  # noqa: F401
from gis_service.account_tables import ACCOUNT, ACCOUNT_AREA, CREDENTIAL, LOGIN_ATTEMPT
from gis_service.audit_tables import AUDIT, AUDIT_HEAD, TOUCH
from gis_service.case_tables import FLOW_STEP
from gis_service.tables import ACTOR, METADATA, tables_of
from layers.registry import LAYERS

_APART = {AUDIT.name, AUDIT_HEAD.name, TOUCH.name, LOGIN_ATTEMPT.name, FLOW_STEP.name}
"""The audit is a chain and has a way of its own; a name that somebody typed at the login goes with its row; flows are
declared."""


@dataclass(frozen=True)
class Place:
    """A table with texts in which a value may stand.

    Attributes
    ----------
    texts, lists, documents
        Names of its columns of type text, text[] and jsonb.
    whole
        Rows with a value are deleted: the table holds nothing but personal data.
    """

    table: Table
    title: str
    texts: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    whole: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All of its columns that are searched."""
        return (*self.texts, *self.lists, *self.documents)


def places() -> Iterator[Place]:
    """Yield every place: the personal tables first, then layers, their history, and the service's own tables."""
    titles = _titles()
    whole = {LOGIN_ATTEMPT.name, *(f"{layer.name}_personal" for layer in LAYERS.values() if layer.personal_fields)}
    tables = [table for table in METADATA.tables.values() if table.name not in _APART - whole]
    for table in sorted(tables, key=lambda one: (one.name not in whole, one.name)):
        searched = [column for column in table.columns if not _stays(table, column)]
        place = Place(
            table, titles.get(table.name, table.comment or table.name),
            tuple(column.name for column in searched if isinstance(column.type, Text)),
            tuple(column.name for column in searched if isinstance(column.type, ARRAY)),
            tuple(column.name for column in searched if isinstance(column.type, JSONB)),
            table.name in whole,
        )  # fmt: skip
        if place.columns:
            yield place


def _stays(table: Table, column: Column[Any]) -> bool:
    """Say whether a column names accounts, areas or rows: they are how other rows are found, and no free text."""
    if column.primary_key or column.foreign_keys or column.name in {"community", "grid"}:
        return True
    default = getattr(column.server_default, "arg", None)
    if default is not None and str(default) == ACTOR:
        return True
    # Of accounts and logins only the title is free text; names of accounts are in history and audit as they are.
    if table.name in {ACCOUNT.name, ACCOUNT_AREA.name, CREDENTIAL.name}:
        return column.name != "title"
    return column.name in {"recorded_by", "operation"}


def _titles() -> Mapping[str, str]:
    titles = {}
    for layer in LAYERS.values():
        found = tables_of(layer)
        titles[found.current.name] = layer.title
        titles[found.history.name] = f"{layer.title}(历史)"
        if found.personal is not None:
            titles[found.personal.name] = f"{layer.title}(个人信息)"
    return titles
