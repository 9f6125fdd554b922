"""What routes are given: the database, the scope of whoever asks, the layer named in the path."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api.days import FIRST_DAY, LAST_DAY
from gis_service.database import Database
from gis_service.errors import InputError, NotFoundError
from gis_service.features.extents import Extents
from gis_service.people.logins import Identity
from gis_service.reader import Reader
from gis_service.scope import Scope
from layers.layer import Layer
from layers.registry import LAYERS


async def database_of(request: Request) -> Database:
    """Return the service's database."""
    database: Database = request.app.state.database
    return database


async def reader_of(request: Request) -> Reader:
    """Return the quick way to ask the database."""
    reader: Reader = request.app.state.reader
    return reader


async def extents_of(request: Request) -> Extents:
    """Return the extents of layers."""
    extents: Extents = request.app.state.extents
    return extents


async def identity_of(request: Request) -> Identity:
    """Return whose request this is, whom the gate let in."""
    identity: Identity = request.state.identity
    return identity


async def scope_of(request: Request) -> Scope:
    """Return what whoever asks may see."""
    return (await identity_of(request)).scope


async def layer_of(layer: Annotated[str, Path(description="图层名称,例如 waste_point")]) -> Layer:
    """Return the layer that the path names; NotFoundError when there is none."""
    found = LAYERS.get(layer)
    if found is None:
        raise NotFoundError(
            f"没有图层 {layer!r};图层清单见 /collections。", f"There is no layer {layer!r}; see /collections."
        )
    return found


def refuse_nul(request: Request) -> None:
    """Raise InputError for a NUL in any value of the path or the query: PostgreSQL's texts can't hold it."""
    if b"%00" not in request.scope["query_string"] and "\x00" not in request.scope["path"]:
        return
    for name, value in (*request.query_params.multi_items(), *request.path_params.items()):
        if "\x00" in str(value):
            raise InputError(f"参数 {name!r} 的值里有空字符(NUL)。", f"The value of {name!r} holds a NUL character.")


def refuse_unknown(request: Request, known: AbstractSet[str]) -> None:
    """Raise InputError for the first query parameter that isn't known: a misspelt filter mustn't answer with all."""
    if not request.scope["query_string"]:
        return
    given: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in given:
            raise InputError(
                f"参数 {name!r} 写了不止一次;请只写一次,多个值用逗号分隔。", f"The parameter {name!r} is given twice."
            )
        given.add(name)
        if name not in known:
            raise InputError(
                f"不认识参数 {name!r};可用的有:{'、'.join(sorted(known)) or '无'}。",
                f"The parameter {name!r} is unknown; there are: {', '.join(sorted(known)) or 'none'}.",
            )


Community = Annotated[str, Query(pattern=r"^[0-9]{12}$", description="12 位社区代码")]
JsonParameter = Annotated[str | None, Query(pattern="^json$", description="只有 JSON")]
CommunityParameter = Annotated[str | None, Query(pattern=r"^[0-9]{12}$", description="只看一个社区:12 位社区代码")]
"""Days for which anything can be reckoned: nearer to the ends of the calendar time limits would fall off it."""
DayParameter = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="计算日,例如 2026-11-23;不写为今天")]
FormatParameter = Annotated[str | None, Query(pattern="^(json|html)$", description="json 或 html;不写则按 Accept")]
ReaderOf = Annotated[Reader, Depends(reader_of)]
ExtentsOf = Annotated[Extents, Depends(extents_of)]
DatabaseOf = Annotated[Database, Depends(database_of)]
ScopeOf = Annotated[Scope, Depends(scope_of)]
IdentityOf = Annotated[Identity, Depends(identity_of)]
LayerOf = Annotated[Layer, Depends(layer_of)]
