"""楼栋."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from layers.check import AreaAgrees, NoOverlap
from layers.code import Code
from layers.layer import Layer
from layers.record import Record, Survey, Unit
from layers.style import Style


class BuildingUse(Code):
    """Use of a building (房屋用途, GB/T 17986.1)."""

    DWELLING = "10", "住宅"
    FLATS = "11", "成套住宅"
    SIMPLE_DWELLING = "12", "非成套住宅"
    DORMITORY = "13", "集体宿舍"
    PRODUCTION = "20", "工业、交通、仓储"
    INDUSTRY = "21", "工业"
    STORAGE = "27", "仓储"
    COMMERCE = "30", "商业、金融、信息"
    SHOPS = "31", "商业服务"
    EDUCATION_HEALTH = "40", "教育、医疗卫生、科研"
    CULTURE = "50", "文化、娱乐、体育"
    OFFICE = "60", "办公"
    MILITARY = "70", "军事"
    OTHER = "80", "其他"


class Structure(Code):
    """Structure of a building (房屋建筑结构, GB/T 17986.1)."""

    STEEL = "1", "钢结构"
    STEEL_CONCRETE = "2", "钢和钢筋混凝土结构"
    CONCRETE = "3", "钢筋混凝土结构"
    MIXED = "4", "混合结构"
    BRICK_TIMBER = "5", "砖木结构"
    OTHER = "6", "其他结构"


class PermitStatus(Code):
    """Whether a building permit was given; a self-built house without one is appraised before it is let."""

    PERMITTED = "permitted", "有施工许可"
    NONE = "none", "无施工许可"
    UNKNOWN = "unknown", "不详"


class SafetyGrade(Code):
    """Danger grade of a safety appraisal (房屋危险性等级, JGJ 125)."""

    A = "A", "A 级(无危险点)"
    B = "B", "B 级(有危险点)"
    C = "C", "C 级(局部危险)"
    D = "D", "D 级(整幢危险)"


class Building(Record):
    """A building (楼栋, 幢), with its age, structure, safety and the households in it as counts."""

    use: Annotated[BuildingUse, Field(title="房屋用途"), Survey("用途", "建筑用途", "规划用途", "房屋用途代码")] = (
        BuildingUse.OTHER
    )
    structure: Annotated[Structure | None, Field(title="建筑结构"), Survey("结构", "房屋结构", "结构类型")] = None
    floors: Annotated[
        int | None,
        Field(title="层数", ge=0, le=150, description="storeys above ground"),
        Unit("层"),
        Survey("地上层数", "楼层数", "总层数", "floor_count", "levels", "building:levels"),
    ] = None
    height_m: Annotated[
        float | None, Field(title="高度", ge=0, le=1000), Unit("m"), Survey("建筑高度", "高度(m)", "楼高", "height")
    ] = None
    floor_area_m2: Annotated[
        float | None,
        Field(title="建筑面积", ge=0, le=2000000),
        Unit("m²"),
        Survey("总建筑面积", "建筑面积(㎡)", "建筑面积(m²)"),
    ] = None
    year_built: Annotated[
        int | None,
        Field(title="建成年份", ge=1800, le=2100),
        Unit("年"),
        Survey("建造年份", "建成年代", "建筑年代", "竣工年份", "start_date"),
    ] = None
    self_built: Annotated[bool | None, Field(title="自建房"), Survey("是否自建房", "自建")] = None
    permit_status: Annotated[PermitStatus, Field(title="施工许可"), Survey("施工许可情况", "审批手续")] = (
        PermitStatus.UNKNOWN
    )
    appraised_on: Annotated[date | None, Field(title="安全鉴定日期"), Survey("鉴定日期", "房屋鉴定日期")] = None
    safety_grade: Annotated[
        SafetyGrade | None, Field(title="安全鉴定等级"), Survey("鉴定等级", "危险等级", "鉴定结果", "房屋危险等级")
    ] = None
    structure_altered: Annotated[
        bool | None,
        Field(title="擅改结构", description="walls broken or functions changed without approval, as surveyed"),
        Survey("擅自改变结构", "破墙开店", "擅改结构功能"),
    ] = None
    shop_on_ground: Annotated[bool | None, Field(title="底层商铺"), Survey("沿街商铺", "是否商铺")] = None
    household_local: Annotated[
        int | None, Field(title="户籍户数", ge=0, le=5000), Unit("户"), Survey("户籍户", "本地户数")
    ] = None
    resident_count: Annotated[
        int | None,
        Field(title="常住人口", ge=0, le=20000, description="people living there for half a year or more"),
        Unit("人"),
        Survey("常住人口数", "居住人数", "常住人数"),
    ] = None
    local_population: Annotated[
        int | None, Field(title="户籍人口", ge=0, le=20000), Unit("人"), Survey("户籍人口数", "户籍人数")
    ] = None
    origin_village: Annotated[str | None, Field(title="原属村", max_length=60), Survey("来源村", "原村", "原籍村")] = (
        None
    )
    estate: Annotated[
        str | None, Field(title="所属小区", max_length=64, description="code of the estate"), Survey("小区编码", "小区")
    ] = None
    address: Annotated[
        str | None, Field(title="地址", max_length=200), Survey("门牌地址", "坐落", "详细地址", "addr:full")
    ] = None
    street: Annotated[
        str | None, Field(title="道路名", max_length=100), Survey("路名", "街路巷", "addr_street", "addr:street")
    ] = None
    house_number: Annotated[
        str | None, Field(title="门牌号", max_length=40), Survey("门牌", "幢号", "addr_housenumber", "addr:housenumber")
    ] = None


LAYER = Layer(
    name="building",
    title="楼栋",
    summary="地上的一幢楼:住宅、厂房、商铺或公共建筑。",
    group="建筑与居住",
    record=Building,
    geometry="MULTIPOLYGON",
    visibility="community",
    label="name",
    style=Style(
        color="#a89f94",
        fill="#ddd6cc",
        width=0.7,
        opacity=0.85,
        by="use",
        palette={
            "10": "#e3d5c1",
            "11": "#e3d5c1",
            "12": "#ddc9ad",
            "13": "#d6bd9b",
            "20": "#c9c6d4",
            "21": "#c9c6d4",
            "27": "#bdbccb",
            "30": "#e6c8c0",
            "31": "#e6c8c0",
            "40": "#cfdcc4",
            "50": "#d3dfd6",
            "60": "#c6d3dd",
            "70": "#cfcac3",
            "80": "#ddd6cc",
        },
        order=40,
        min_zoom=14,
        labelled_from=18,
    ),
    checks=(
        AreaAgrees("floor_area_m2", "building.floor_area_mismatch", storeys="floors"),
        NoOverlap(),
    ),
)
