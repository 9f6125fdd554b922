"""Hazards of the sample: 586 of the campaign among enterprises, and everyday cases of estates and streets on top.

Only the campaign has a reported total; residential cases are never counted into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from gis_service.sample.ground import Ground
from gis_service.sample.houses import Settlement
from gis_service.sample.industry import Firm, Plot, yard
from gis_service.sample.residents import Home, Letting, doorstep, house_at
from gis_service.sample.rows import CAMPAIGN, Sheet, apportion, chance, pick, points_within

CAMPAIGN_CASES = 586
HOME_CASES = 310
STREET_CASES = 44


@dataclass(frozen=True)
class _Kind:
    """A kind of case: event code, category, words for it, who takes it over, days to mend it."""

    event: str
    category: str
    detail: str
    department: str
    days: int
    share: float


_WORKS = (
    _Kind("X-FS02", "electric", "车间临时线路未穿管,配电箱前堆物", "emergency", 15, 0.17),
    _Kind("X-FS03", "evacuation", "疏散通道、消防车通道被物料占用", "fire", 5, 0.15),
    _Kind("X-IN04", "machinery", "冲床、砂轮机防护罩缺失", "emergency", 15, 0.15),
    _Kind("X-IN01", "letting", "出租方未与承租方签订安全生产管理协议,未统一检查", "emergency", 15, 0.1),
    _Kind("X-EN01", "drainage", "车间污水接入雨水管网", "ecology", 30, 0.1),
    _Kind("01-01", "unauthorised", "厂区通道搭建钢棚,压缩防火间距", "enforcement", 30, 0.08),
    _Kind("X-IN04", "training", "特种作业人员无证上岗,无培训记录", "emergency", 15, 0.07),
    _Kind("X-IN04", "special_equipment", "叉车、行车未按期检验", "market", 15, 0.05),
    _Kind("X-IN04", "dust", "打磨间积尘未清理,喷涂房无防爆电器", "emergency", 10, 0.05),
    _Kind("X-IN04", "emission", "危废暂存间不规范,台账缺失", "ecology", 20, 0.04),
    _Kind("X-IN04", "lodging", "车间内隔间住人", "fire", 3, 0.02),
    _Kind("X-IN04", "chemicals", "油漆、稀释剂超量存放", "emergency", 7, 0.02),
)
_CLOSED = _Kind("X-IN02", "licence", "无营业执照从事生产加工", "market", 15, 1.0)
_CHANGED = _Kind("X-IN03", "licence", "经营地址与执照登记不符", "market", 30, 1.0)

_HOMES = (
    _Kind("05-05", "order", "机动车占用弄内通道停放", "police", 1, 0.2),
    _Kind("X-FS01", "charging", "从楼上拉线给电动自行车充电", "fire", 1, 0.15),
    _Kind("05-07", "order", "公用地段堆放杂物", "enforcement", 5, 0.12),
    _Kind("X-UT01", "lines", "弱电旧线未清理,跨弄悬挂", "utility", 10, 0.1),
    _Kind("05-04", "order", "底层商铺倚门设摊、占道经营", "enforcement", 3, 0.08),
    _Kind("X-GR01", "green", "屋前绿地改作菜园", "enforcement", 10, 0.09),
    _Kind("X-GR02", "green", "车辆停放绿地", "enforcement", 3, 0.05),
    _Kind("X-GR03", "green", "绿地被踩踏成路", "street", 15, 0.03),
    _Kind("03-03", "order", "装修垃圾随意倾倒", "enforcement", 3, 0.06),
    _Kind("X-BD01", "structure", "底层破墙开店", "housing", 20, 0.04),
    _Kind("X-BD02", "structure", "擅自改变房屋结构和功能出租", "housing", 20, 0.03),
    _Kind("X-FS03", "evacuation", "占用消防车通道", "fire", 1, 0.03),
    _Kind("X-PS01", "security", "出租房治安隐患", "police", 7, 0.02),
)
_CROWDING = _Kind("X-RH01", "crowding", "人均使用面积不足,疑似群租", "police", 10, 1.0)
_STREET = (
    _Kind("05-05", "order", "货车占用非机动车道停放", "police", 1, 0.36),
    _Kind("01-10", "other", "路面破损、井盖沉降", "street", 10, 0.24),
    _Kind("05-06", "order", "共享单车乱停放", "street", 2, 0.2),
    _Kind("01-02", "order", "绿化带内暴露垃圾", "street", 2, 0.2),
)
_OPEN = {"rectifying": 0.36, "recheck": 0.16, "rework": 0.1, "advised": 0.12, "transferred": 0.2, "suspended": 0.06}


def find_cases(
    sheet: Sheet,
    ground: Ground,
    settlement: Settlement,
    plots: list[Plot],
    homes: list[Home],
    lettings: list[Letting],
    rng: np.random.Generator,
) -> None:
    """Write all hazards."""
    _campaign(sheet, [firm for plot in plots for firm in plot.firms], rng)
    _at_homes(sheet, settlement, homes, lettings, rng)
    for street in ground.streets:
        for _ in range(round(STREET_CASES * street.line.length / sum(other.line.length for other in ground.streets))):
            kerb = street.line.offset_curve(float(rng.choice([-1, 1])) * (street.width_m / 2 - 1.5))
            at = kerb.interpolate(float(rng.uniform(0.05, 0.95)), normalized=True)
            _write(
                sheet,
                at,
                _draw(_STREET, rng),
                sheet.ago(rng.uniform(0, 420)),
                0.8,
                rng,
                subject_kind="public",
                found_by="patrol",
            )


def _campaign(sheet: Sheet, firms: list[Firm], rng: np.random.Generator) -> None:
    """Write the 586 cases: a few at most firms, many where several work behind one wall."""
    crowd = np.array([2.2 if firm.tenant else 1.6 if firm.plot.holding == "let" else 0.7 for firm in firms])
    heat = np.array([rng.gamma(1.7, 1.0) for _ in firms]) * crowd
    clean = np.array([not firm.outcome and rng.random() < (0.75 if firm.above else 0.5) for firm in firms])
    heat[clean] = 0.0
    # Whoever was rectified, closed or had to change a licence had at least one case.
    named = np.array([bool(firm.outcome) for firm in firms])
    counts = np.array(apportion(heat, CAMPAIGN_CASES - int(named.sum()))) + named
    for firm, count in zip(firms, counts, strict=True):
        land = yard(firm.plot, -4.0)
        for number in range(int(count)):
            special = {"closed": _CLOSED, "changed": _CHANGED}.get(firm.outcome) if number == 0 else None
            kind = special or _draw(_WORKS, rng)
            near = firm.at.buffer(28).intersection(land) if firm.tenant else land
            at = points_within(near if near.area > 30 else land, 1, 0, rng)[0]
            # The campaign came in waves: every quarter a round of joint checks, and quiet weeks between.
            wave = float(
                rng.choice([700, 610, 520, 430, 340, 250, 160, 70], p=[0.16, 0.15, 0.15, 0.14, 0.13, 0.11, 0.09, 0.07])
            )
            found = sheet.ago(min(729, max(1, wave + rng.normal(0, 16))))
            done = 0.98 if firm.outcome else 0.52
            level = (
                "01"
                if kind.category not in {"letting", "lodging", "dust"}
                else pick(rng, {"01": 0.5, "suspected": 0.35, "02": 0.15})
            )
            _write(
                sheet,
                at,
                kind,
                found,
                done,
                rng,
                level=level,
                subject_kind="enterprise",
                enterprise_code=firm.code,
                found_by=pick(rng, {"joint": 0.62, "patrol": 0.2, "assigned": 0.1, "self_check": 0.08}),
                campaign=CAMPAIGN,
            )


def _at_homes(
    sheet: Sheet, settlement: Settlement, homes: list[Home], lettings: list[Letting], rng: np.random.Generator
) -> None:
    crowded = [letting for letting in lettings if letting.crowded]
    for index in np.sort(rng.choice(len(crowded), min(34, len(crowded)), replace=False)):
        letting = crowded[index]
        _write(
            sheet,
            letting.at,
            _CROWDING,
            sheet.ago(rng.uniform(0, 500)),
            0.55,
            rng,
            subject_kind="residential",
            building_code=letting.home.code,
            rental_code=letting.code,
            found_by="patrol",
        )
    # Disorder gathers around a few corners: a stall draws cars, cars draw wires.
    corners = [house_at(homes, rng, only_let=True).house.footprint.centroid for _ in range(9)]
    shops = [home for home in homes if home.shop]
    altered = [home for home in homes if home.altered]
    for _ in range(HOME_CASES):
        kind = _draw(_HOMES, rng)
        home = house_at(homes, rng)
        if chance(rng, 0.45):
            corner = corners[int(rng.integers(len(corners)))]
            near = [other for other in homes if other.house.footprint.distance(corner) < 60]
            home = near[int(rng.integers(len(near)))]
        if kind.event == "05-04" and shops:
            home = shops[int(rng.integers(len(shops)))]
        if kind.event in {"X-BD01", "X-BD02"} and altered:
            home = altered[int(rng.integers(len(altered)))]
        _write(
            sheet,
            _place(kind, home, settlement, rng),
            kind,
            sheet.ago(rng.gamma(1.5, 130) % 700),
            0.74,
            rng,
            subject_kind="residential",
            building_code=home.code,
            found_by=pick(rng, {"patrol": 0.6, "resident": 0.34, "assigned": 0.06}),
        )


def _place(kind: _Kind, home: Home, settlement: Settlement, rng: np.random.Generator) -> BaseGeometry:
    """Return where a case lies: cars on the lane, wires as lines across it, the rest before the door."""
    door = doorstep(home, rng)
    if kind.event not in {"05-05", "X-FS03", "X-UT01"}:
        return door
    lane = min(settlement.lanes, key=lambda lane: float(lane.line.distance(door)))
    along = lane.line.project(door) + float(rng.uniform(-6, 6))
    spot: Point = lane.line.interpolate(along)
    if kind.event != "X-UT01":
        return Point(spot.x + float(rng.uniform(-1.5, 1.5)), spot.y + float(rng.uniform(-1.5, 1.5)))
    end: Point = lane.line.interpolate(along + float(rng.uniform(14, 55)))
    if end.distance(spot) < 3:
        return LineString([spot, door])
    return LineString([door, spot, end])


def _draw(kinds: tuple[_Kind, ...], rng: np.random.Generator) -> _Kind:
    return kinds[int(pick(rng, {str(index): kind.share for index, kind in enumerate(kinds)}))]


def _write(
    sheet: Sheet, at: BaseGeometry, kind: _Kind, found: date, done: float, rng: np.random.Generator, **more: object
) -> None:
    """Write one case with a course that fits its age: most old ones are closed, some were handed up or wait."""
    due = found + timedelta(days=kind.days)
    took = int(rng.gamma(2.0, kind.days * 0.42)) + 1
    closed = found + timedelta(days=took)
    status = "closed" if closed <= sheet.as_of and chance(rng, done) else pick(rng, _OPEN)
    if status != "closed" and (sheet.as_of - found).days < 4:
        status = pick(rng, {"found": 0.4, "registered": 0.6})
    handed = found + timedelta(days=min(kind.days + 3, max(0, (sheet.as_of - found).days)))
    up = status == "transferred"
    sheet.add(
        "hazard",
        at,
        code=sheet.serial("YH"),
        event_code=kind.event,
        category=kind.category,
        status=status,
        found_on=found,
        due_on=due,
        closed_on=closed if status == "closed" else None,
        handler=None if status == "found" else f"网格岗{int(sheet.grid_of(at)[-3:])}",
        transferred_to=kind.department if up else None,
        transferred_on=handed if up else None,
        transferred_ref=f"示意移〔{handed.year}〕{int(rng.integers(1, 400))}号" if up else None,
        detail=kind.detail,
        surveyed_on=found,
        **more,
    )
