"""Invented names, trades and credit codes for the sample's enterprises.

The names are made of two syllables that stand for no firm known to us, and every full name ends in （示意）; the credit
codes have right check digits (GB 32100-2015, GB 11714), but organisation codes ``MADEM…`` that are no one's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis_service.sample.rows import pick

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Digits of a credit code: letters without I, O, S, V and Z."""

_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_FIRST = "恒卓锐鼎瑞凯腾辰翔禾沃皓铭骏昊尚嘉百毅朗"
_SECOND = "岳拓泽诺峰远驰维晟润科坤越达邦迪源升泰川"


@dataclass(frozen=True)
class Trade:
    """A trade by GB/T 4754-2017 with its word in a firm's name and the danger that goes with it."""

    word: str
    industry: str
    industry_class: str
    risk: str | None


_TRADES: tuple[tuple[Trade, float], ...] = (
    (Trade("机械", "C34", "C3484", "special_equipment"), 0.24),
    (Trade("精密机械", "C34", "C3489", None), 0.1),
    (Trade("紧固件", "C34", "C3482", None), 0.08),
    (Trade("轴承", "C34", "C3451", None), 0.06),
    (Trade("阀门", "C34", "C3443", None), 0.05),
    (Trade("模具", "C35", "C3525", None), 0.1),
    (Trade("智能装备", "C35", "C3599", "special_equipment"), 0.06),
    (Trade("金属制品", "C33", "C3311", "spraying"), 0.1),
    (Trade("五金", "C33", "C3389", "dust"), 0.05),
    (Trade("汽车零部件", "C36", "C3670", "confined_space"), 0.06),
    (Trade("电器", "C38", "C3829", None), 0.04),
    (Trade("箱包", "C19", "C1922", "chemicals"), 0.03),
    (Trade("塑料制品", "C29", "C2929", "dust"), 0.03),
)


@dataclass(frozen=True)
class FirmName:
    """The name of an invented enterprise and the trade in it."""

    short: str
    full: str
    trade: Trade


def name_firms(count: int, rng: np.random.Generator) -> list[FirmName]:
    """Return that many different names."""
    syllables = [first + second for first in _FIRST for second in _SECOND]
    shares = {str(index): share for index, (_, share) in enumerate(_TRADES)}
    names = []
    for index in rng.choice(len(syllables), count, replace=False):
        trade = _TRADES[int(pick(rng, shares))][0]
        short = f"{syllables[index]}{trade.word}"
        names.append(FirmName(short, f"平湖{short}有限公司（示意）", trade))
    return names


def trade_of(name: FirmName, rng: np.random.Generator) -> Trade:
    """Return the trade of a firm: mostly what its name says, at times another line of machinery."""
    if rng.random() < 0.08:
        return _TRADES[int(rng.integers(5))][0]
    return name.trade


def credit_code(number: int) -> str:
    """Return a unified social credit code with right check digits and the dummy organisation code MADEMnnn.

    Parameters
    ----------
    number
        1 to 999; becomes the last three characters of the organisation code.
    """
    organisation = f"MADEM{number:03d}"
    total = sum(_org_value(char) * weight for char, weight in zip(organisation, _ORG_WEIGHTS, strict=True))
    organisation += "0123456789X0"[11 - total % 11] if total % 11 else "0"
    body = f"91330482{organisation}"
    total = sum(_ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return body + _ALPHABET[(31 - total % 31) % 31]


def _org_value(char: str) -> int:
    """Return a character's value in GB 11714: digits as they are, A = 10 to Z = 35."""
    return int(char, 36)
