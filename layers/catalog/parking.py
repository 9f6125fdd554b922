"""停车场地."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import AreaAgrees
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Marker, Style


class ParkingKind(Code):
    """Whose cars stand there, and where."""

    ROADSIDE = "roadside", "路内停车"
    ESTATE = "estate", "小区内停车"
    PUBLIC = "public", "公共停车场"
    ENTERPRISE = "enterprise", "企业停车场"
    PRIVATE_YARD = "private_yard", "自家院落"
    TEMPORARY = "temporary", "临时停车"
    BICYCLE = "bicycle", "非机动车停放点"
    PARKING = "parking", "停车场(未分类)"
    OTHER = "other", "其他"


class Parking(Record):
    """A place to park (停车场地): a car park, a row of bays along a street or a single yard."""

    kind: Annotated[
        ParkingKind, Field(title="停车类型"), Survey("类型", "停车场类型", "车位类型", "fclass", "amenity")
    ] = ParkingKind.PARKING
    space_count: Annotated[
        int | None, Field(title="车位数", ge=0, le=20000), Unit("个"), Survey("泊位数", "停车位数", "车位", "capacity")
    ] = None
    charging_space_count: Annotated[
        int | None, Field(title="充电车位数", ge=0, le=20000), Unit("个"), Survey("新能源车位数", "充电泊位数")
    ] = None
    accessible_space_count: Annotated[
        int | None, Field(title="无障碍车位数", ge=0, le=20000), Unit("个"), Survey("残疾人车位数")
    ] = None
    marked: Annotated[bool | None, Field(title="已划线"), Survey("是否划线", "划线")] = None
    night_count: Annotated[
        int | None,
        Field(title="夜间停车数", ge=0, le=50000, description="cars counted at the night peak"),
        Unit("辆"),
        Survey("夜间清点数", "夜间停放数"),
    ] = None
    night_counted_on: Annotated[date | None, Field(title="夜间清点日期"), Survey("夜查日期")] = None
    area_reported_m2: Annotated[
        float | None,
        Field(title="上报面积", gt=0, le=1000000),
        Unit("m²"),
        Survey("占地面积", "停车场面积", "面积(㎡)"),
    ] = None
    price: Annotated[str | None, Field(title="收费标准", max_length=120), Survey("收费", "价格", "fee")] = None
    open_hours: Annotated[str | None, Field(title="开放时间", max_length=120), Survey("开放时段", "opening_hours")] = (
        None
    )
    manager: Annotated[
        str | None, Field(title="管理单位", max_length=120), Survey("责任单位", "运营单位", "operator")
    ] = None


LAYER = Layer(
    name="parking",
    title="停车场地",
    summary="停车的地方:路内、小区内、公共或企业。",
    group="设施",
    record=Parking,
    geometry="GEOMETRY",
    visibility="community",
    label="name",
    style=Style(
        color="#2f6fa8",
        fill="#9cc3e3",
        width=1.4,
        opacity=0.7,
        marker=Marker.SQUARE,
        size=9.0,
        order=55,
        min_zoom=14,
    ),
    checks=(AreaAgrees("area_reported_m2", "parking.area_mismatch"),),
)
