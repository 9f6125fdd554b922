"""What the edits of one message are about, locked before any of them is applied, in one order for everyone.

Two phones that bring changes of the same two units in different orders would otherwise wait for each other, and of one
message that arrives twice at once both would find nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.cases.case import identifier_of
from gis_service.sync.applying import Edit
from layers.registry import LAYERS

_NAMES = text(
    "select pg_advisory_xact_lock(key) from (select hashtextextended('gis.sync ' || name, 0) as key"
    " from unnest(cast(:names as text[])) name order by 1) keys"
)


def lock_objects(conn: Connection, community: str, edits: Sequence[Edit]) -> None:
    """Wait until nobody else has these edits or the rows that they change, and keep them until the end.

    What an edit names wrongly, or what isn't in the scope, isn't locked; it won't be changed either.
    """
    conn.execute(_NAMES, {"names": sorted({name for edit in edits for name in _names(edit)})})
    wanted: dict[str, set[str]] = defaultdict(set)
    for edit in edits:
        for layer, key in _rows(community, edit):
            wanted[layer].add(key)
    if sum(map(len, wanted.values())) < 2:
        # Whoever locks one row only, as it will when it is changed, is in nobody's way.
        return
    for layer in sorted(wanted):
        ids = {key: found for key in wanted[layer] if (found := identifier_of(key)) is not None}
        codes = sorted(wanted[layer] - set(ids))
        # Only who is named by a code is looked for by it: there is no index of codes without their grids.
        named = "(id = any(:ids) or code = any(:codes))" if codes else "id = any(:ids)"
        conn.execute(
            text(f"select from gis.{layer} where community = :community and {named} order by id for update"),
            {"community": community, "ids": sorted(ids.values()), **({"codes": codes} if codes else {})},
        )


def _names(edit: Edit) -> Iterator[str]:
    """Yield what no row stands for yet: the edit itself, and the code of a new feature."""
    yield str(edit.id)
    if edit.kind == "feature":
        properties = edit.body.get("properties")
        yield f"{edit.body.get('layer')} {properties.get('code') if isinstance(properties, dict) else ''}"


def _rows(community: str, edit: Edit) -> Iterator[tuple[str, str]]:
    """Yield the layer and the identifier or code of every row that an edit is about, as far as it says so."""
    said: dict[str, list[tuple[Any, Any]]] = {
        "step": [("hazard", edit.body.get("case")), ("hazard", edit.body.get("main_code"))],
        "change": [(edit.body.get("layer"), edit.body.get("feature"))],
        "visit": [(edit.body.get("target_kind"), edit.body.get("target_code"))] if edit.body.get("changes") else [],
    }
    for layer, name in said.get(edit.kind, []):
        if isinstance(layer, str) and layer in LAYERS and isinstance(name, str):
            yield layer, name.removeprefix(f"{community}.")
