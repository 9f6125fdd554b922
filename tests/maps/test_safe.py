from __future__ import annotations

import json
from typing import Any

import jinja2
from hypothesis import given
from hypothesis import strategies as st

from maps.safe import embed_json

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_no_payload_can_leave_its_script_block(payloads: tuple[str, ...]) -> None:
    assert len(payloads) >= 12
    text = embed_json(json.dumps(payloads, ensure_ascii=False))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == list(payloads)


@given(ANY_JSON)
def test_the_value_stays_the_same(value: Any) -> None:
    assert json.loads(embed_json(json.dumps(value, ensure_ascii=False))) == value


@given(st.text(alphabet='{}%#a 7*\\"', max_size=30))
def test_a_template_engine_finds_nothing_to_run(value: str) -> None:
    text = embed_json(json.dumps({"a": {"b": value}}))
    assert jinja2.Template(text, keep_trailing_newline=True).render() == text
