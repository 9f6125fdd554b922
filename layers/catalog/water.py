"""水系."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class WaterKind(Code):
    """Kind of a water; the stored values are the words open map data uses, where it has one."""

    RIVER = "river", "河道"
    RIVERBANK = "riverbank", "河道水面"
    STREAM = "stream", "溪流"
    CANAL = "canal", "运河渠道"
    DITCH = "ditch", "沟渠"
    DOCK = "dock", "港池"
    LAKE = "lake", "湖泊"
    POND = "pond", "池塘"
    BASIN = "basin", "蓄水池"
    RESERVOIR = "reservoir", "水库"
    SWIMMING_POOL = "swimming_pool", "泳池"
    FOUNTAIN = "fountain", "喷泉"
    WATER = "water", "水面(未分类)"
    OTHER = "other", "其他"


class Water(Record):
    """A river, canal or pond (水系): what people and fire hoses can't simply cross."""

    kind: Annotated[
        WaterKind, Field(title="水体类型"), Survey("类型", "水系类型", "河道类型", "fclass", "natural", "waterway")
    ] = WaterKind.OTHER
    width_m: Annotated[
        float | None, Field(title="平均宽度", gt=0, le=20000), Unit("m"), Survey("河宽", "宽度", "width")
    ] = None
    fenced: Annotated[bool | None, Field(title="护栏"), Survey("有无护栏", "防护栏")] = None
    fire_intake: Annotated[
        bool | None,
        Field(title="消防取水点", description="whether a fire engine can draw water there"),
        Survey("可否取水", "取水点"),
    ] = None
    manager: Annotated[str | None, Field(title="管理单位", max_length=120), Survey("责任单位", "河长单位")] = None


LAYER = Layer(
    name="water",
    title="水系",
    summary="河道、河浜和池塘:步行和消防水带难以跨越。",
    group="底图",
    record=Water,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(color="#8fb9d6", fill="#cbe2f1", width=0.8, opacity=0.95, order=10, labelled_from=15),
)
