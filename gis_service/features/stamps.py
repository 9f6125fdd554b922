"""Which version of one feature is meant: the stamp that entity tags carry and that editors send back."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, Uuid, and_, bindparam, or_, select

from gis_service.errors import NotFoundError
from gis_service.features.question import Question
from gis_service.features.select import conditions, rows_of
from gis_service.features.tags import declaration_version
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from layers.layer import Layer


@dataclass(frozen=True)
class Stamp:
    """One version of one feature; it changes with this feature and with no other."""

    community: str
    id: uuid.UUID
    version: int
    recorded_at: datetime

    @property
    def identifier(self) -> str:
        """The feature's own name in addresses: community and id."""
        return f"{self.community}.{self.id}"

    @property
    def token(self) -> str:
        """The part of an entity tag that is the same for every representation of this version.

        The moment is hashed beside the number, so that a restored database, which counts the same numbers again,
        doesn't take another version for its own.
        """
        said = f"{self.identifier}/{self.version}/{self.recorded_at.isoformat()}"
        return f"{self.version}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"

    def tag(self, *parts: str) -> str:
        """Return the strong entity tag of a representation; ``parts`` say which: address and reference system."""
        said = "|".join([declaration_version(), *parts])
        return f'"{self.token}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"'

    def named_in(self, tags: str, *, weak: bool = False) -> bool:
        """Return whether a list of entity tags (If-Match, If-None-Match) names this version; ``*`` names every one.

        Any representation's tag will do: whoever saw this version in one reference system may change it in another.
        Weak tags count only where the standard lets them (If-None-Match).
        """
        for part in tags.split(","):
            tag = part.strip()
            if tag == "*":
                return True
            if weak:
                tag = tag.removeprefix("W/")
            # Proxies that compress append a word of their own to a tag, after a further hyphen.
            if tag[:1] == '"' == tag[-1:] and "-".join(tag[1:-1].split("-")[:2]) == self.token:
                return True
        return False


def stamp_of(layer: Layer, scope: Scope, identifier: str) -> Asked:
    """Return the statement of a current feature's stamp, by ``community.uuid`` or ``community.code``."""
    community, _, key = identifier.partition(".")
    values: dict[str, object] = {**values_of(scope), "community": community, "key": key}
    with suppress(ValueError):
        values["id"] = uuid.UUID(key)

    def build() -> Select[Any]:
        rows = rows_of(layer, Question())
        same = rows.c.code == bindparam("key", type_=Text)
        if "id" in values:
            same = or_(rows.c.id == bindparam("id", type_=Uuid), same)
        wanted = and_(
            conditions(layer, rows, scope, Question()), rows.c.community == bindparam("community", type_=Text)
        )
        return select(rows.c.community, rows.c.id, rows.c.version, rows.c.recorded_at).where(wanted, same).limit(1)

    return remembered(("stamp", layer.name, scope.shape, "id" in values), build), values


def read_stamp(layer: Layer, identifier: str, rows: Rows) -> Stamp:
    """Return the stamp that the statement of ``stamp_of`` answers with.

    Raises
    ------
    NotFoundError
        When there is no such feature, or the scope doesn't reach it.
    """
    if not rows:
        raise missing_feature(layer, identifier)
    community, found, version, recorded_at = rows[0]
    return Stamp(community.decode(), found, version, recorded_at)


def missing_feature(layer: Layer, identifier: str) -> NotFoundError:
    """Return the error for a feature that isn't there or that the scope doesn't reach: the two can't be told apart."""
    return NotFoundError(
        f"图层“{layer.title}”里没有要素 {identifier!r},或不在您的范围内。",
        f"There is no feature {identifier!r} in {layer.name}, or it lies outside your area.",
    )
