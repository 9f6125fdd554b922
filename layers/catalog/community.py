"""社区边界."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import AreaAgrees
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class BoundaryStatus(Code):
    """How far the drawn boundary may be relied on."""

    OFFICIAL = "official", "勘定界线"
    AGREED = "agreed", "街道确认"
    SKETCH = "sketch", "示意界线"


class UrbanRuralClass(Code):
    """Urban and rural classification of the statistics offices (城乡分类代码)."""

    CITY_CENTRE = "111", "主城区"
    CITY_FRINGE = "112", "城乡结合区"
    TOWN_CENTRE = "121", "镇中心区"
    TOWN_FRINGE = "122", "镇乡结合区"
    TOWNSHIP = "210", "乡中心区"
    VILLAGE = "220", "村庄"


class Community(Record):
    """The extent of a residents' committee (社区居委会), the frame of every map."""

    code: Annotated[
        str,
        Field(
            title="社区代码",
            pattern=r"^[0-9]{12}$",
            min_length=12,
            max_length=12,
            description="12 digits: county (GB/T 2260), street (GB/T 10114) and committee",
        ),
        Survey("编码", "编号", "代码", "区划代码", "统计用区划代码", "社区编码", "id", identifies=True),
    ]
    county: Annotated[str | None, Field(title="所属县市区", max_length=60), Survey("县市区", "区县")] = None
    street: Annotated[str | None, Field(title="所属街道", max_length=60), Survey("街道", "镇街道", "乡镇街道")] = None
    boundary_status: Annotated[BoundaryStatus, Field(title="界线性质"), Survey("边界性质")] = BoundaryStatus.SKETCH
    area_reported_km2: Annotated[
        float | None,
        Field(title="上报面积", gt=0, le=500, description="as reported; the drawn area is measured beside it"),
        Unit("km²"),
        Survey("面积", "辖区面积", "总面积", "面积(平方公里)", "辖区面积(平方公里)", "区域面积"),
    ] = None
    established_on: Annotated[date | None, Field(title="成立日期"), Survey("设立日期", "建居日期", "撤村建居日期")] = (
        None
    )
    predecessor: Annotated[str | None, Field(title="前身", max_length=120), Survey("原村名", "撤并前村名")] = None
    urban_rural_class: Annotated[UrbanRuralClass | None, Field(title="城乡分类"), Survey("城乡分类代码")] = None


LAYER = Layer(
    name="community",
    title="社区边界",
    summary="社区居委会的范围,是每张图的边框。",
    group="区划",
    record=Community,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(color="#5b3a6b", width=3.0, dash="12 4 2 4", opacity=0.0, order=90),
    checks=(AreaAgrees("area_reported_km2", "community.area_mismatch"),),
)
