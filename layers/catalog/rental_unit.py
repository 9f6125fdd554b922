"""出租房."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code
from layers.layer import Layer
from layers.record import Personal, Record, Survey, Unit
from layers.style import Marker, Style


class LettingUse(Code):
    """What a unit is let for."""

    DWELLING = "dwelling", "居住"
    DORMITORY = "dormitory", "集体宿舍"
    MIXED = "mixed", "商住合用"
    STORAGE = "storage", "仓储"
    OTHER = "other", "其他"


class RentStatus(Code):
    """Whether a unit is let now."""

    LET = "let", "在租"
    VACANT = "vacant", "空置"
    ENDED = "ended", "停止出租"


class RegistrationStatus(Code):
    """Registration of the people in a unit (流动人口居住登记)."""

    REGISTERED = "registered", "已登记"
    UNREGISTERED = "unregistered", "未登记"
    CHANGE_DUE = "change_due", "变更待报"
    CANCELLED = "cancelled", "已注销"


class LandlordKind(Code):
    """Who lets the unit."""

    LOCAL = "local", "本地户"
    PLOT_BUYER = "plot_buyer", "购宅基地户"
    SUBLESSOR = "sublessor", "二房东"
    FIRM = "firm", "企业或机构"
    OTHER = "other", "其他"


class Grade(Code):
    """Colour grade; how often a unit is looked at again depends on it."""

    GREEN = "green", "绿"
    YELLOW = "yellow", "黄"
    RED = "red", "红"


class GradeReason(Code):
    """Why a unit isn't green; G1 to G5 are the marks of 群租 and of letting on a large scale."""

    G1 = "G1", "人均面积不足"
    G2 = "G2", "单间人数超限"
    G3 = "G3", "非居住空间出租"
    G4 = "G4", "分隔房间"
    G5 = "G5", "规模出租"
    F1 = "F1", "拉线充电或室内充电"
    F2 = "F2", "疏散通道不畅"
    F3 = "F3", "消防器材缺失"
    F4 = "F4", "私拉电线或燃气隐患"
    R1 = "R1", "未按时登记"
    R2 = "R2", "未签责任书"
    S1 = "S1", "房屋安全未鉴定"
    OTHER = "other", "其他"


class CountBasis(Code):
    """Whether people and area were counted on site or worked out."""

    SURVEYED = "surveyed", "实地清点"
    DECLARED = "declared", "房东申报"
    ESTIMATED = "estimated", "估算"


class RentalUnit(Record):
    """A unit that is let (出租房: 间, 套), several to a house; the people in it are counts, never names."""

    building_code: Annotated[
        str | None, Field(title="楼栋编码", max_length=64), Survey("所在楼栋", "幢编码", "楼栋编号")
    ] = None
    address: Annotated[
        str | None,
        Field(title="地址", max_length=200),
        Survey("现住地址", "详细地址", "出租房地址", "房屋地址", "坐落"),
    ] = None
    floor: Annotated[int | None, Field(title="所在层", ge=-5, le=150), Unit("层"), Survey("楼层", "层")] = None
    room: Annotated[str | None, Field(title="房号", max_length=40), Survey("室号", "房间号", "室")] = None
    room_count: Annotated[int | None, Field(title="间数", ge=0, le=500), Unit("间"), Survey("房间数", "出租间数")] = (
        None
    )
    usable_area_m2: Annotated[
        float | None,
        Field(title="使用面积", gt=0, le=20000, description="usable area, not floor area"),
        Unit("m²"),
        Survey("出租面积", "面积", "使用面积(㎡)", "面积(㎡)"),
    ] = None
    letting_use: Annotated[LettingUse, Field(title="出租用途"), Survey("用途", "使用用途")] = LettingUse.DWELLING
    rent_status: Annotated[RentStatus, Field(title="出租状态"), Survey("状态", "租赁状态", "是否在租")] = RentStatus.LET
    tenant_count: Annotated[
        int | None,
        Field(title="租住人数", ge=0, le=2000),
        Unit("人"),
        Survey("租客数", "租户人数", "承租人数", "居住人数"),
    ] = None
    tenant_count_prev: Annotated[
        int | None,
        Field(title="上期租住人数", ge=0, le=2000, description="of the count before"),
        Unit("人"),
        Survey("上次租住人数", "原租住人数", "上期人数"),
    ] = None
    tenant_count_as_of: Annotated[
        date | None, Field(title="人数截至"), Survey("人数截至日期", "统计日期", "清点日期")
    ] = None
    largest_room_persons: Annotated[
        int | None,
        Field(title="单间最多人数", ge=0, le=200, description="people in the fullest room"),
        Unit("人"),
        Survey("单间最多居住人数", "最多单间人数"),
    ] = None
    count_basis: Annotated[CountBasis | None, Field(title="人数面积依据"), Survey("数据依据", "清点方式")] = None
    kin_household: Annotated[
        bool | None,
        Field(title="家庭户", description="whether the people are one family"),
        Survey("是否家庭户", "亲属合住"),
    ] = None
    partitioned: Annotated[bool | None, Field(title="分隔出租"), Survey("是否分隔", "隔断间", "打隔断")] = None
    non_habitable_let: Annotated[
        bool | None,
        Field(
            title="非居住空间出租", description="kitchen, bathroom, balcony, basement, garage or store let to live in"
        ),
        Survey("厨卫阳台车库出租", "车库住人"),
    ] = None
    registered_count: Annotated[
        int | None, Field(title="登记人数", ge=0, le=2000), Unit("人"), Survey("已登记人数", "居住登记人数")
    ] = None
    registration_status: Annotated[
        RegistrationStatus | None, Field(title="登记状态"), Survey("登记备案", "登记情况", "居住登记")
    ] = None
    landlord_kind: Annotated[LandlordKind | None, Field(title="出租人类型"), Survey("房东类型", "出租人性质")] = None
    landlord_onsite: Annotated[bool | None, Field(title="房东同住"), Survey("房东是否同住", "出租人同住")] = None
    responsibility_letter: Annotated[
        bool | None, Field(title="责任书"), Survey("签订责任书", "是否签订责任书", "责任书签订")
    ] = None
    hotel_mode: Annotated[
        bool | None,
        Field(title="旅馆式管理", description="checked in and out at a desk like a hotel"),
        Survey("旅馆式", "是否旅馆式管理"),
    ] = None
    grade: Annotated[Grade | None, Field(title="风险等级"), Survey("等级", "三色等级", "颜色等级")] = None
    grade_reasons: Annotated[list[GradeReason] | None, Field(title="定级原因"), Survey("隐患类型", "等级原因")] = None
    last_visit_on: Annotated[date | None, Field(title="最近走访"), Survey("检查日期", "走访日期", "最近走访日期")] = (
        None
    )
    next_due_on: Annotated[date | None, Field(title="下次到期"), Survey("下次走访日期", "复查到期")] = None
    landlord_name: Annotated[
        str | None, Field(title="房东姓名", max_length=60), Personal(), Survey("出租人姓名", "出租人", "房东", "房主")
    ] = None
    landlord_phone: Annotated[
        str | None,
        Field(title="房东电话", pattern=r"^[0-9+() -]{5,20}$", max_length=20),
        Personal(),
        Survey("出租人电话", "房东联系电话", "出租人联系方式", "房东手机"),
    ] = None


LAYER = Layer(
    name="rental_unit",
    title="出租房",
    summary="一个出租单元(间、套),只记人数,不记姓名。",
    group="建筑与居住",
    record=RentalUnit,
    geometry="POINT",
    visibility="grid",
    label="code",
    style=Style(
        color="#4d4d4d",
        fill="#8c8c8c",
        width=0.8,
        opacity=0.95,
        marker=Marker.DIAMOND,
        size=8.0,
        by="grade",
        palette={"green": "#009e73", "yellow": "#e6b400", "red": "#d55e00"},
        order=70,
        shown=False,
        min_zoom=15,
    ),
)
