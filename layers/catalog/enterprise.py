"""企业."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.code import Code, CodeList
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Marker, Style


class Scale(Code):
    """Whether the yearly main revenue reaches the statistics offices' line."""

    ABOVE = "above", "规上"
    BELOW = "below", "规下"
    UNKNOWN = "unknown", "不详"


class Occupancy(Code):
    """By what right a firm uses its rooms; every row but 自有 on one plot makes it a 厂中厂."""

    OWNED = "owned", "自有"
    LESSOR = "lessor", "自有并出租"
    TENANT = "tenant", "承租"
    SUBLESSOR = "sublessor", "承租并转租"
    UNKNOWN = "unknown", "不详"


class BusinessStatus(Code):
    """Whether a firm works; closing and moving are outcomes of firms, not of hazards."""

    OPERATING = "operating", "在营"
    SUSPENDED = "suspended", "停业"
    MOVED = "moved", "搬迁"
    CLOSED = "closed", "关闭"


class LicenceStatus(Code):
    """State of the business licence and permits."""

    VALID = "valid", "证照齐全"
    NONE = "none", "无证无照"
    EXPIRED = "expired", "证照过期"
    MISMATCH = "mismatch", "证照与实际不符"
    PENDING = "pending", "办理中"
    UNKNOWN = "unknown", "不详"


class EnterpriseTag(Code):
    """Marks a firm may carry beside its scale; they overlap and never add up."""

    FORTUNE_500 = "fortune_500", "世界500强"
    INDUSTRY_LEADER = "industry_leader", "行业龙头"
    HIGH_TECH = "high_tech", "高新技术企业"
    SPECIALISED = "specialised", "专精特新"
    LISTED = "listed", "上市企业"


class EnterpriseRisk(Code):
    """Kinds of danger that the rules on major hidden hazards single out."""

    DUST = "dust", "涉爆粉尘"
    SPRAYING = "spraying", "喷涂作业"
    CONFINED_SPACE = "confined_space", "有限空间"
    CHEMICALS = "chemicals", "危险化学品"
    AMMONIA = "ammonia", "液氨制冷"
    SPECIAL_EQUIPMENT = "special_equipment", "特种设备"
    LODGING = "lodging", "三合一住人"


class Enterprise(Record):
    """A firm in its rooms on a plot (企业): owner, lessor or tenant, so that several may share one plot."""

    plot_code: Annotated[str | None, Field(title="地块编码", max_length=64), Survey("所在地块", "地块编号")] = None
    building_code: Annotated[str | None, Field(title="楼栋编码", max_length=64), Survey("所在楼栋", "厂房编号")] = None
    occupancy: Annotated[
        Occupancy, Field(title="使用方式"), Survey("厂房性质", "租赁情况", "自有或承租", "占用方式")
    ] = Occupancy.UNKNOWN
    lessor_code: Annotated[
        str | None,
        Field(title="出租方编码", max_length=64, description="code of the firm that lets the rooms"),
        Survey("出租企业编码", "出租方企业编码"),
    ] = None
    scale: Annotated[Scale, Field(title="规模"), Survey("企业规模", "规上规下", "是否规上")] = Scale.UNKNOWN
    tags: Annotated[list[EnterpriseTag] | None, Field(title="企业标签"), Survey("标签", "荣誉资质")] = None
    foreign_funded: Annotated[bool | None, Field(title="外资企业"), Survey("外资", "是否外资", "外商投资")] = None
    industry: Annotated[
        str | None,
        Field(title="行业大类", max_length=16, description="division of GB/T 4754-2017, such as C34"),
        CodeList("industry"),
        Survey("行业", "所属行业", "行业代码"),
    ] = None
    industry_class: Annotated[
        str | None,
        Field(title="行业小类代码", pattern=r"^[A-T][0-9]{2,4}$", description="GB/T 4754-2017, such as C3484"),
        Survey("行业小类", "国民经济行业代码"),
    ] = None
    uscc: Annotated[
        str | None,
        Field(
            title="统一社会信用代码",
            pattern=r"^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$",
            description="GB 32100-2015; only the form is checked here",
        ),
        Survey("信用代码", "社会信用代码"),
    ] = None
    employees: Annotated[
        int | None,
        Field(title="从业人数", ge=0, le=200000),
        Unit("人"),
        Survey("员工数", "职工人数", "员工人数", "从业人员"),
    ] = None
    floor_area_m2: Annotated[
        float | None,
        Field(title="使用面积", ge=0, le=2000000),
        Unit("m²"),
        Survey("厂房面积", "建筑面积", "使用面积(㎡)"),
    ] = None
    occupied_from: Annotated[date | None, Field(title="入驻日期"), Survey("租赁起始", "起租日期", "入驻时间")] = None
    occupied_to: Annotated[date | None, Field(title="租期届满"), Survey("租赁截止", "到期日期", "合同到期")] = None
    safety_agreement: Annotated[
        bool | None,
        Field(title="安全生产协议", description="signed between lessor and tenant (安全生产法 art. 49)"),
        Survey("安全协议", "是否签订安全协议", "安全生产管理协议"),
    ] = None
    risks: Annotated[list[EnterpriseRisk] | None, Field(title="重点风险"), Survey("风险类型", "涉及风险")] = None
    licence_status: Annotated[LicenceStatus, Field(title="证照情况"), Survey("执照情况", "营业执照", "证照")] = (
        LicenceStatus.UNKNOWN
    )
    licence_change_on: Annotated[date | None, Field(title="执照变更日期"), Survey("变更日期", "营业执照变更日期")] = (
        None
    )
    status: Annotated[BusinessStatus, Field(title="经营状态"), Survey("状态", "企业状态", "营业状态")] = (
        BusinessStatus.OPERATING
    )
    closed_on: Annotated[date | None, Field(title="关闭日期"), Survey("关停日期", "搬迁日期", "停业日期")] = None
    rectified: Annotated[
        bool | None,
        Field(
            title="已整改", description="a firm of the campaign that put its hazards right; counts firms, not hazards"
        ),
        Survey("是否整改", "整改情况", "是否完成整改"),
    ] = None
    rectified_on: Annotated[date | None, Field(title="整改完成日期"), Survey("整改日期")] = None
    address: Annotated[
        str | None, Field(title="地址", max_length=200), Survey("经营地址", "厂址", "企业地址", "坐落")
    ] = None


LAYER = Layer(
    name="enterprise",
    title="企业",
    summary="在地块上经营的一家企业:自有、承租或转租。",
    group="企业",
    record=Enterprise,
    geometry="POINT",
    visibility="community",
    label="name",
    style=Style(
        color="#3f3a6b",
        fill="#8f8bc0",
        width=0.8,
        opacity=0.95,
        marker=Marker.SQUARE,
        size=8.0,
        by="scale",
        palette={"above": "#4b3f9e", "below": "#a79fd6", "unknown": "#b9b8c4"},
        order=65,
        shown=False,
        min_zoom=14,
    ),
)
