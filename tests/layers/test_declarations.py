"""Every layer of the catalog is whole: readable by people, bounded, and free of names of persons."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.registry import LAYERS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
GROUPS = {"区划", "建筑与居住", "企业", "设施", "治理", "底图"}

# The table of the design: stored geometry, and who sees a row.
TABLE = {
    "community": ("MULTIPOLYGON", "community"),
    "grid": ("MULTIPOLYGON", "community"),
    "estate": ("MULTIPOLYGON", "community"),
    "building": ("MULTIPOLYGON", "community"),
    "road": ("MULTILINESTRING", "community"),
    "utility_line": ("MULTILINESTRING", "community"),
    "green": ("MULTIPOLYGON", "community"),
    "water": ("MULTIPOLYGON", "community"),
    "rental_unit": ("POINT", "grid"),
    "parking": ("GEOMETRY", "community"),
    "waste_point": ("POINT", "community"),
    "enterprise_plot": ("MULTIPOLYGON", "community"),
    "enterprise": ("POINT", "community"),
    "facility": ("POINT", "community"),
    "hazard": ("GEOMETRY", "grid"),
    "visit": ("POINT", "grid"),
    "illegal_structure": ("MULTIPOLYGON", "grid"),
}

# Texts that satisfy the patterns of the fields that have one.
PATTERNED = {
    ("community", "code"): "330482002011",
    ("grid", "code"): "330482002011001",
    ("grid", "parent_code"): "330482002011001",
    ("enterprise", "industry_class"): "C3484",
    ("enterprise", "uscc"): "91330482MADEM00110",
    ("rental_unit", "landlord_phone"): "0573-85000000",
}

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())


def sample_value(layer: Layer, field: LayerField) -> Any:
    """Return a value the field accepts, its last code where it has codes."""
    if field.codes is not None:
        codes = list(field.codes)
        return codes if field.kind is Kind.TEXTS else codes[-1]
    if field.pattern is not None:
        return PATTERNED[layer.name, field.name]
    return {
        Kind.TEXT: "甲",
        Kind.TEXTS: ["甲", "乙"],
        Kind.INTEGER: field.maximum,
        Kind.NUMBER: field.maximum,
        Kind.BOOLEAN: True,
        Kind.DATE: date(2020, 6, 30),
        Kind.TIME: datetime.fromisoformat("2020-06-30T08:00:00+08:00"),
    }[field.kind]


def test_the_catalog_is_the_design() -> None:
    assert {name: (layer.geometry, layer.visibility) for name, layer in LAYERS.items()} == TABLE


def test_layers_come_in_drawing_order() -> None:
    orders = [layer.style.order for layer in LAYERS.values()]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders), "two layers of one order would be drawn by chance"


@every_layer
def test_people_can_read_it(layer: Layer) -> None:
    assert CHINESE.search(layer.title)
    assert layer.group in GROUPS
    assert layer.description.endswith(".")
    for field in layer.all_fields:
        assert CHINESE.search(field.title), field.name


@every_layer
def test_titles_are_unique(layer: Layer) -> None:
    titles = [field.title for field in layer.all_fields]
    assert len(set(titles)) == len(titles)


@every_layer
def test_a_label_stands_for_one_code(layer: Layer) -> None:
    for field in layer.all_fields:
        if field.codes is None:
            continue
        spellings = [*field.codes, *field.codes.values()]
        folded = [text.casefold() for text in spellings]
        assert len(set(folded)) == len(folded), f"{field.name}: a survey's word would be ambiguous"
        assert all(CHINESE.search(label) for label in field.codes.values()), field.name


@every_layer
def test_every_value_is_bounded(layer: Layer) -> None:
    for field in layer.all_fields:
        if field.kind in {Kind.INTEGER, Kind.NUMBER}:
            assert field.minimum is not None, field.name
            assert field.maximum is not None, field.name
        if field.kind is Kind.TEXT and field.codes is None:
            assert field.max_length is not None or field.pattern is not None, field.name


@every_layer
def test_few_fields_are_required(layer: Layer) -> None:
    required = [field.name for field in layer.all_fields if field.required]
    assert required[0] == "code"
    assert len(required) <= 4


@every_layer
def test_no_person_is_named(layer: Layer) -> None:
    expected = ["landlord_name", "landlord_phone"] if layer.name == "rental_unit" else []
    assert [field.name for field in layer.personal_fields] == expected
    assert not any(field.personal for field in layer.fields)
    assert layer.label in {field.name for field in layer.fields}
    for field in layer.fields:
        assert not re.search(r"phone|child|tenant_name|id_number|birth|gender", field.name), field.name
        assert not any(re.search("姓名|电话|手机|身份证|儿童", header) for header in field.headers), field.name


@every_layer
def test_a_full_row_goes_in_and_comes_out(layer: Layer) -> None:
    row = {field.name: sample_value(layer, field) for field in layer.all_fields}
    record = layer.record.model_validate(row)
    assert record.model_dump() == row
    assert layer.record.model_validate_json(record.model_dump_json()) == record


@every_layer
def test_every_code_is_accepted_and_shown_by_its_label(layer: Layer) -> None:
    required = {field.name: sample_value(layer, field) for field in layer.all_fields if field.required}
    for field in layer.all_fields:
        for stored, label in (field.codes or {}).items():
            value = [stored] if field.kind is Kind.TEXTS else stored
            record = layer.record.model_validate(required | {field.name: value})
            assert field.show(record.model_dump(mode="json")[field.name]) == label


@every_layer
def test_a_row_of_required_fields_takes_the_declared_defaults(layer: Layer) -> None:
    required = {field.name: sample_value(layer, field) for field in layer.all_fields if field.required}
    stored = layer.record.model_validate(required).model_dump(mode="json")
    for field in layer.all_fields:
        if not field.required:
            assert stored[field.name] == field.default
            assert field.default is None or field.codes is None or field.default in field.codes


@every_layer
def test_values_past_a_bound_are_refused(layer: Layer) -> None:
    required = {field.name: sample_value(layer, field) for field in layer.all_fields if field.required}
    for field in layer.all_fields:
        if field.maximum is None or field.minimum is None:
            continue
        below = field.minimum if field.exclusive_minimum else field.minimum - 1
        wrong: list[Any] = [field.maximum + 1, below]
        if field.kind is Kind.NUMBER:
            wrong += [float("nan"), float("inf")]
        for value in wrong:
            with pytest.raises(ValidationError):
                layer.record.model_validate(required | {field.name: value})


@pytest.mark.parametrize("code", ["33048200201", "3304820020110", "33048200201１", "33048200201x"])
def test_a_community_code_has_twelve_plain_digits(code: str) -> None:
    with pytest.raises(ValidationError):
        LAYERS["community"].record.model_validate({"code": code})


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("road", ["major_road", "minor_road", "path", "rail", "ferry"]),
        ("water", ["water", "river", "riverbank", "canal", "swimming_pool", "fountain"]),
        ("green", ["grass", "park", "garden", "forest", "natural_wood", "recreation_ground"]),
        ("parking", ["parking"]),
        ("enterprise_plot", ["commercial", "retail", "industrial"]),
        ("facility", ["toilets", "bus_stop", "school", "library", "hospital"]),
    ],
)
def test_open_map_data_speaks_our_codes(layer: str, words: list[str]) -> None:
    assert set(words) <= set(LAYERS[layer].field("kind").codes or {})


def test_open_map_data_has_an_id_we_know() -> None:
    for layer in LAYERS.values():
        assert "id" in layer.field("code").headers


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_a_layer_says_in_chinese_what_it_holds(layer: Layer) -> None:
    assert re.search(r"[\u4e00-\u9fff]{2,}.*。$", layer.summary)
