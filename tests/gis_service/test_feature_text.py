"""The text of a feature's properties: byte for byte what PostgreSQL's own row_to_json writes, for every layer."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import text

from gis_service.database import Database
from gis_service.features.question import Question
from gis_service.features.read import _properties, property_names
from gis_service.features.select import ROWS
from gis_service.features.write import put_features
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS
from tests.asking import Asking, features_of, page
from tests.gis_service.example_rows import example_record, example_shape

ODD = '网格"1"\\ \u2028/</script>{"type":"Feature","id":"x.y"'
VALUES: dict[str, list[Any]] = {
    "TEXT": ["", "a", ODD, "\t\r\n\x1f\x7f", "幢" * 300, "null", "{}"],
    "INTEGER": [0, -1, 2147483647],
    "DOUBLE": [0.0, 0.1 + 0.2, -1e-7, 1e300, 12.0],
    "BOOLEAN": [True, False],
    "DATE": ["2026-11-23", "0001-01-01"],
    "DATETIME": ["2026-11-23T08:00:00.000001+08:00", "1999-12-31T23:59:59Z"],
    "ARRAY": [[], ["a"], ["x y", ODD, ","]],
}
"""Values by the type of a column, which JSON has to escape or to write with care."""


def random_row(layer: Layer, chance: random.Random, filled: float) -> dict[str, Any]:
    """Return values for a row's columns; those that may be empty are so but for a share."""
    columns = tables_of(layer).current.c
    return {
        name: chance.choice(VALUES[str(columns[name].type)])
        for name in property_names(layer)
        if not columns[name].nullable or chance.random() < filled
    }


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_properties_are_what_postgresql_makes_of_the_row(database: Database, staff: Scope, layer: Layer) -> None:
    chance, whole = random.Random(layer.name), property_names(layer)
    rows = [random_row(layer, chance, filled) for filled in (0, 1, *(chance.random() for _ in range(20)))]
    for names in (whole, whole[::-1], whole[1:2], ["recorded_at"]):
        listed = ", ".join(f"{ROWS}.{name}" for name in names)
        made = f"{_properties(layer, names)}, (select row_to_json(p) from (select {listed}) p)::text".replace(
            ":", r"\:"
        )
        rows_ = rf"jsonb_populate_recordset(null\:\:gis.{layer.name}, cast(:rows as jsonb)) {ROWS}"
        compared = text(f"select {made} from {rows_}")
        with database.read(staff) as conn:
            found = conn.execute(compared, {"rows": json.dumps(rows)}).all()
        assert len(found) == len(rows)
        for own, theirs in found:
            assert own == theirs
            assert list(json.loads(own)) == names


def test_pages_go_on_where_a_text_looks_like_a_feature(
    ask: Asking, staff: Scope, area: str, database: Database
) -> None:
    layer, names = LAYERS["facility"], [ODD, "甲", ODD, "乙", ODD]
    with database.write(staff) as conn:
        put_features(
            conn, layer, area,
            [(example_record(layer, name=name, remark=ODD), example_shape(layer)) for name in names],
        )  # fmt: skip
    seen: list[str] = []
    token = None
    while len(seen) <= len(names):
        found = page(ask, layer, staff, Question(), limit=2, after=token)
        seen += [one["properties"]["name"] for one in features_of(found)]
        if (token := found.after) is None:
            break
    assert sorted(seen) == sorted(names)
