"""小区."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.check import NoOverlap
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class EstateKind(Code):
    """How an estate came to be."""

    SELF_BUILT = "self_built", "自建房小区"
    RESETTLEMENT = "resettlement", "安置小区"
    COMMODITY = "commodity", "商品房小区"
    DORMITORY = "dormitory", "集体宿舍区"
    RESIDENTIAL = "residential", "住宅区(未分类)"
    OTHER = "other", "其他"


class EstateManagement(Code):
    """Who keeps the estate; without company and owners' committee the law names the residents' committee."""

    PROPERTY_COMPANY = "property_company", "物业企业"
    RESIDENTS_COMMITTEE = "residents_committee", "社区居委会代管"
    OWNERS = "owners", "业主自管"
    NONE = "none", "无人管理"


class Estate(Record):
    """A residential estate (小区): the frame of tables by estate and of net density."""

    kind: Annotated[
        EstateKind, Field(title="小区类型"), Survey("类型", "小区性质", "小区类别", "fclass", "landuse")
    ] = EstateKind.OTHER
    built_year: Annotated[
        int | None,
        Field(title="建成年份", ge=1900, le=2100),
        Unit("年"),
        Survey("建成年代", "建造年份", "建设年份", "竣工年份"),
    ] = None
    management: Annotated[EstateManagement | None, Field(title="管理方式"), Survey("物业管理方式", "管理模式")] = None
    property_company: Annotated[
        str | None, Field(title="物业企业", max_length=120), Survey("物业公司", "物业服务企业", "物业名称", "operator")
    ] = None
    household_count: Annotated[
        int | None, Field(title="总户数", ge=0, le=20000), Unit("户"), Survey("户数", "住户数", "住宅套数")
    ] = None
    household_local: Annotated[
        int | None, Field(title="户籍户数", ge=0, le=20000), Unit("户"), Survey("本地户数", "户籍户")
    ] = None
    building_count: Annotated[int | None, Field(title="楼栋数", ge=0, le=5000), Unit("幢"), Survey("幢数", "栋数")] = (
        None
    )
    timed_waste: Annotated[
        bool | None,
        Field(title="定时定点投放", description="whether waste is handed in at set points and hours"),
        Survey("是否定时定点", "垃圾定时定点"),
    ] = None
    address: Annotated[str | None, Field(title="地址", max_length=200), Survey("小区地址", "坐落", "位置")] = None


LAYER = Layer(
    name="estate",
    title="小区",
    summary="住宅小区。",
    group="区划",
    record=Estate,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(color="#b79f6b", fill="#f6ecd6", width=1.4, opacity=0.5, order=20, labelled_from=15),
    checks=(NoOverlap(),),
)
