"""SQL that is written once for each shape of question, and filled with values for each request."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import CompilerElement

# Only its way of writing parameters ($1::TEXT) is wanted, which is PostgreSQL's own; the driver isn't.
_NUMBERED = asyncpg.dialect()  # type: ignore[no-untyped-call]
_NUMBER = re.compile(r"\$([0-9]+)")


Asked = tuple["Statement", Mapping[str, Any]]
"""A statement with its values, ready to be sent."""
Rows = list[tuple[Any, ...]]
"""What answers it."""


@dataclass(frozen=True)
class Statement:
    """A statement without its values.

    Attributes
    ----------
    sql
        Text with ``$1``, ``$2`` … in the places of the values.
    names
        Names of the values in that order.
    constants
        Values that belong to the statement itself: those without a name. What has a name must be given each time,
        so that no asker is ever answered with the values of another.
    kept
        Whether connections keep it prepared with one plan for all values. That saves the planning: a third of the
        cost of a small question, more than half of that of a filter on one point.
    """

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    kept: bool

    @cached_property
    def name(self) -> str:
        """The name under which connections keep it."""
        return "q" + hashlib.sha256(self.sql.encode()).hexdigest()[:16]

    @cached_property
    def plain(self) -> tuple[str, tuple[str, ...]]:
        """The text with ``%s`` in the place of each value, and the names in that order, a name for each place."""
        pieces = _NUMBER.split(self.sql.replace("%", "%%"))
        # In brackets, since a cast binds closer than a minus: -2147483648::INTEGER is out of range.
        return "(%s)".join(pieces[::2]), tuple(self.names[int(number) - 1] for number in pieces[1::2])

    def values(self, names: Sequence[str], given: Mapping[str, Any]) -> list[Any]:
        """Return the values of the names; KeyError for one that isn't given."""
        return [given[name] if name in given else self.constants[name] for name in names]


def compile_statement(
    statement: Executable, *, kept: bool = False, schemas: Mapping[str | None, str | None] | None = None
) -> Statement:
    """Return a statement as text; parameters keep the names they were built with.

    Parameters
    ----------
    schemas
        Which schema stands in the place of another, as connections have it that look back.
    """
    if not isinstance(statement, CompilerElement):
        raise TypeError(f"{statement!r} can't be compiled")
    done = statement.compile(
        dialect=_NUMBERED, compile_kwargs={"render_postcompile": True}, schema_translate_map=schemas,
        render_schema_translate=schemas is not None,
    )  # fmt: skip
    if not isinstance(done, SQLCompiler):
        raise TypeError(f"{statement!r} is no query")
    constants = {name: bound.value for bound, name in done.bind_names.items() if bound.unique}
    return Statement(str(done), tuple(done.positiontup or ()), constants, kept)


_REMEMBERED: OrderedDict[Hashable, Statement] = OrderedDict()
REMEMBERED = 1024
"""Statements kept in memory, the last used ones."""


def remembered(key: Hashable, build: Callable[[], Executable]) -> Statement:
    """Return the statement of a key, which must say everything that shapes it; built when it isn't remembered."""
    found = _REMEMBERED.get(key)
    if found is None:
        found = _REMEMBERED[key] = compile_statement(build(), kept=True)
        while len(_REMEMBERED) > REMEMBERED:
            _REMEMBERED.popitem(last=False)
    else:
        _REMEMBERED.move_to_end(key)
    return found
