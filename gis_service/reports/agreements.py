"""Which figures must agree: declared here only, and checked wherever a form uses one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gis_service.reports.figure import Catalogue, Figure, key_of, written


@dataclass(frozen=True)
class Agreement:
    """One quantity that several figures tell.

    Attributes
    ----------
    title
        In Chinese, what they all tell.
    sides
        Names of figures; the figures of one side are added up, and all sides must be the same.
    within
        By which share of the larger one they may differ, for roundings.
    """

    title: str
    sides: tuple[tuple[str, ...], ...]
    within: float = 0.0


_ROUNDED: Final = 0.0001
"""Sums of rounded areas against rounded sums."""

AGREEMENTS: Final = (
    Agreement("未办结的隐患", (
        ("hazards/未办结",), ("summary/未办结隐患",),
        ("summary/未办结的一般隐患", "summary/未办结的重大隐患", "summary/未办结的疑似重大隐患"),
    )),
    Agreement("超期的隐患", (("hazards/已超期",), ("summary/逾期隐患",))),
    Agreement("未办结的重大和疑似重大隐患", (
        ("hazards/重大或疑似重大(未办结)",), ("summary/未办结的重大隐患", "summary/未办结的疑似重大隐患"),
    )),
    Agreement("登记的隐患", (
        ("density/隐患(含已办结)",), ("layers/隐患",),
        ("hazards/未办结", "hazards/居住:已办结", "hazards/企业:已办结", "hazards/公共区域:已办结"),
    )),
    Agreement("租户", (
        ("density/租户",), ("density_change/本期租户",), ("public_density/租户",), ("summary/租住人数",),
        ("measured/租户",),
    )),
    Agreement("上期租户", (("density_change/上期租户",), ("public_density/上期租户",), ("measured/租户(年前)",))),
    Agreement("租户的增减", (
        ("density_change/本期租户",), ("density_change/上期租户", "density_change/增减"),
    )),
    Agreement("常住人口", (("density/常住人口",), ("public_density/常住人口",), ("measured/常住人数",))),
    Agreement("出租房", (("density/出租房(含未出租)",), ("layers/出租房",), ("measured/出租房",))),
    Agreement("从未走访的出租房", (("freshness/从未走访",), ("summary/从未走访的出租房",))),
    Agreement("楼栋", (("layers/楼栋",), ("summary/楼栋",))),
    Agreement("垃圾投放点", (("layers/垃圾投放点",), ("summary/垃圾投放点",))),
    Agreement("企业", (("layers/企业",), ("measured/企业",))),
    Agreement("小区", (("layers/小区",), ("measured/小区",))),
    Agreement("住宅", tuple(
        (f"{name}_coverage/住宅",) for name in ("waste", "hydrant", "charging", "parking", "service")
    )),
    Agreement("改造的路面", (("road_renewal/已改造",), ("measured/小区道路白改黑",)), _ROUNDED),
    Agreement(
        "拆除的企业违建", (("illegal_structures/厂中厂整治:已拆(图上)",), ("measured/拆除企业违建",)), _ROUNDED
    ),
)  # fmt: skip
"""Figures that analyses and layers reckon apart from each other."""


@dataclass(frozen=True)
class Contradiction:
    """Figures of one form that tell different things of the same."""

    title: str
    sentence: str


def contradictions_of(
    used: Mapping[str, Figure], catalogue: Catalogue, parts: Mapping[str, Collection[str]]
) -> list[Contradiction]:
    """Return what contradicts itself among the figures of a form, or what is told beside one of them.

    Parameters
    ----------
    used
        The figures in the form, by name.
    catalogue
        All figures that were read; a figure of it that isn't in the form is compared too, and it is said where it is.
    parts
        For a reported total that adds others, the names of those.
    """
    keys = {key_of(name) for name in used}
    return [
        *_reported(keys, catalogue, parts),
        *(found for one in AGREEMENTS for found in _apart(one, keys, catalogue)),
        *_sums_by_grid(used, catalogue),
    ]


def _reported(keys: set[str], catalogue: Catalogue, parts: Mapping[str, Collection[str]]) -> Iterator[Contradiction]:
    """Yield reported totals that their layers contradict; what the report says of its own exactness counts."""
    for figure in catalogue.figures:
        if figure.group.name != "reported" or not figure.note or figure.value is None:
            continue
        beside = f"measured/{figure.name.partition('/')[2]}"
        if keys & {key_of(name) for name in (figure.name, beside, *parts.get(figure.name, ()))}:
            yield Contradiction(figure.title, f"{figure.title}:{figure.note}")


def _apart(agreement: Agreement, keys: set[str], catalogue: Catalogue) -> Iterator[Contradiction]:
    known: list[tuple[str, float, bool]] = []
    for side in agreement.sides:
        figures = [catalogue.get(name) for name in side]
        values = [figure.value for figure in figures if figure is not None and isinstance(figure.value, int | float)]
        if len(values) == len(side):
            filled = all(key_of(name) in keys for name in side)
            known.append((" + ".join(side), sum(values), filled))
    if not any(key_of(name) in keys for side in agreement.sides for name in side):
        return
    values = [value for _, value, _ in known]
    if len(values) < 2 or max(values) - min(values) <= agreement.within * max(map(abs, values)) + _LEAST:
        return
    said = ",".join(f"{name} = {written(value)}{'' if filled else '(没有填在表里)'}" for name, value, filled in known)
    yield Contradiction(agreement.title, f"{agreement.title}:几处的数不一致,{said};请核对口径和数据。")


_LEAST: Final = 1e-6


def _sums_by_grid(used: Mapping[str, Figure], catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield figures that stand in the form with all their grids, and aren't the sum of them."""
    for name, figure in used.items():
        if "@" in name or figure.by_grid is None or not isinstance(figure.value, int | float) or not catalogue.grids:
            continue
        named = [used.get(f"{figure.name}@{grid}") for grid in catalogue.grids]
        values = [one.value for one in named if one is not None and isinstance(one.value, int | float)]
        if len(values) == len(catalogue.grids) and abs(sum(values) - figure.value) > _LEAST:
            outside = figure.value - sum(values)
            yield Contradiction(
                figure.title,
                f"{figure.title}:全社区 {figure.name} = {written(figure.value)},各网格相加 = {written(sum(values))},"
                f"相差 {written(outside)};差的是没有划入网格的,请核对它们的位置。",
            )
