"""What the edits of one message are about, locked before any of them is applied, in one order for everyone.

Two phones that bring changes of the same two units in different orders would otherwise wait for each other, and of one
message that arrives twice at once both would find nothing of it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.sync.applying import Edit
from layers.registry import LAYERS

_MESSAGES = text(
    "select pg_advisory_xact_lock(key) from (select hashtextextended('gis.sync ' || id, 0) as key"
    " from unnest(cast(:ids as text[])) id order by 1) keys"
)


def lock_objects(conn: Connection, community: str, edits: Sequence[Edit]) -> None:
    """Wait until nobody else has these edits or the rows that they change, and keep them until the end.

    What an edit names wrongly, or what isn't in the scope, isn't locked; it won't be changed either.
    """
    conn.execute(_MESSAGES, {"ids": sorted({str(edit.id) for edit in edits})})
    wanted: dict[str, set[str]] = defaultdict(set)
    for edit in edits:
        for layer, key in _objects(community, edit):
            wanted[layer].add(key)
    for layer in sorted(wanted):
        given = {"community": community, "codes": sorted(wanted[layer]), "ids": sorted(_identifiers(wanted[layer]))}
        conn.execute(
            text(
                f"select from gis.{layer} where community = :community and (id = any(:ids) or code = any(:codes))"
                " order by id for update"
            ),
            given,
        )


def _objects(community: str, edit: Edit) -> Iterator[tuple[str, str]]:
    """Yield the layer and the identifier or code of every row that an edit changes, as far as it says so."""
    body = edit.body
    if edit.kind == "visit":
        layer, name = body.get("target_kind") if body.get("changes") else None, body.get("target_code")
    else:
        layer = {"step": "hazard", "change": body.get("layer")}.get(edit.kind)
        name = body.get("case" if edit.kind == "step" else "feature")
        name = name.removeprefix(f"{community}.") if isinstance(name, str) else None
    if isinstance(layer, str) and layer in LAYERS and isinstance(name, str):
        yield layer, name


def _identifiers(keys: set[str]) -> Iterator[uuid.UUID]:
    for key in keys:
        try:
            yield uuid.UUID(key)
        except ValueError:
            continue
