from __future__ import annotations

import pytest

from gis_service.surveys.columns.headers import match_headers
from layers.field import fold
from layers.registry import LAYERS

BUILDING = LAYERS["building"]


def test_every_declared_header_of_every_layer_is_found() -> None:
    for layer in LAYERS.values():
        for field in layer.all_fields:
            for header in field.headers:
                matching = match_headers(layer, (header,))
                if field.personal:
                    assert matching.personal == (header,), (layer.name, header)
                    assert matching.fields == {}
                else:
                    assert matching.fields == {0: field}, (layer.name, header)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("编号", "code"), ("CODE", "code"), (" 编码 ", "code"), ("编码*", "code"), ("编码\uff1a", "code"),
        ("OSM_ID", "code"), ("建筑面积\uff08平方米\uff09", "floor_area_m2"),
        ("建筑 面积", "floor_area_m2"), ("建筑面积(㎡)", "floor_area_m2"), ("建筑面积(平方米)", "floor_area_m2"),
        ("建筑面积[m2]", "floor_area_m2"), ("高度(m)", "height_m"), ("楼高(米)", "height_m"), ("层 数", "floors"),
        ("层数(层)", "floors"), ("Floor_Count", "floors"), ("floorcount", "floors"),
    ],
)  # fmt: skip
def test_width_case_spaces_and_units_do_not_count(column: str, field: str) -> None:
    assert match_headers(BUILDING, (column,)).fields == {0: BUILDING.field(field)}


def test_unknown_columns_are_named_and_left_out() -> None:
    matching = match_headers(BUILDING, ("编码", "颜色", "", "层数"))
    assert {position: field.name for position, field in matching.fields.items()} == {0: "code", 3: "floors"}
    assert matching.unknown == ("颜色", "")


@pytest.mark.parametrize("columns", [("osm_id", "编码", "名称"), ("编码", "名称", "osm_id"), ("id", "fid", "编码")])
def test_of_several_columns_the_one_named_first_in_the_declaration_wins(columns: tuple[str, ...]) -> None:
    matching = match_headers(BUILDING, columns)
    code = next(position for position, field in matching.fields.items() if field.name == "code")
    assert columns[code] == "编码"
    assert set(matching.doubled) == set(columns) - {"编码", "名称"}
    names = [field.name for field in matching.fields.values()]
    assert len(names) == len(set(names))


def test_the_same_header_twice_is_taken_once() -> None:
    matching = match_headers(BUILDING, ("层数", "层数"))
    assert [field.name for field in matching.fields.values()] == ["floors"]
    assert matching.doubled == ("层数",)


def test_personal_columns_are_named_and_never_matched() -> None:
    layers = [layer for layer in LAYERS.values() if layer.personal_fields]
    assert layers
    for layer in layers:
        titles = tuple(field.title for field in layer.personal_fields)
        matching = match_headers(layer, ("编码", *titles))
        assert matching.personal == titles
        assert [field.name for field in matching.fields.values()] == ["code"]


def test_fold_keeps_what_tells_headers_apart() -> None:
    assert fold("Ａ 列(m)") == fold("a列(M)") != fold("b列(m)")


def test_a_cut_header_that_may_be_several_is_asked_about() -> None:
    parking = LAYERS["parking"]
    matching = match_headers(parking, ("编码", "night_coun"), [("A", 12)])
    assert [field.name for field in matching.fields.values()] == ["code"]
    (asked,) = matching.suggested
    assert (asked.column, {name for name, *_ in asked.options}) == (
        "night_coun", {"night_count", "night_counted_on"},
    )  # fmt: skip
