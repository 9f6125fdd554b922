"""绿地."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey
from layers.style import Style


class GreenKind(Code):
    """Kind of a green; the stored values are the words open map data uses, where it has one."""

    PARK = "park", "公园绿地"
    GARDEN = "garden", "花园游园"
    ESTATE = "estate_green", "小区绿地"
    ROADSIDE = "roadside", "道路绿化带"
    WATERSIDE = "waterside", "滨水绿地"
    PROTECTION = "protection", "防护绿地"
    GRASS = "grass", "草地"
    FOREST = "forest", "林地"
    NATURAL_WOOD = "natural_wood", "自然林"
    WOOD = "wood", "树林"
    TREE_ROW = "tree_row", "行道树"
    HEDGE = "hedge", "绿篱"
    RECREATION = "recreation_ground", "休闲场地"
    PROTECTED_AREA = "protected_area", "保护区"
    FARMLAND = "farmland", "农田"
    OTHER = "other", "其他"


class Occupation(Code):
    """Whether a green is still one, or what has taken its place (毁绿占绿)."""

    INTACT = "intact", "完好"
    VEGETABLES = "vegetables", "私家菜园"
    PARKING = "parking", "停车占绿"
    TRODDEN = "trodden", "踩踏开路"
    STACKED = "stacked", "堆物占绿"
    BUILT = "built", "搭建占绿"
    BARE = "bare", "黄土裸露"


class Green(Record):
    """A green (绿地), and whether it has been taken for gardens, cars or paths."""

    kind: Annotated[
        GreenKind, Field(title="绿地类型"), Survey("类型", "绿地类别", "绿化类型", "fclass", "landuse", "leisure")
    ] = GreenKind.OTHER
    occupation: Annotated[Occupation, Field(title="占用情况"), Survey("占绿情况", "毁绿情况", "绿地现状", "现状")] = (
        Occupation.INTACT
    )
    manager: Annotated[
        str | None, Field(title="养护单位", max_length=120), Survey("管理单位", "管养单位", "operator")
    ] = None


LAYER = Layer(
    name="green",
    title="绿地",
    summary="公共绿地,以及被占用的情况。",
    group="底图",
    record=Green,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(color="#a9c79b", fill="#d5e8cc", width=0.8, opacity=0.85, order=15),
)
