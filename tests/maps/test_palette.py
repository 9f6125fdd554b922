"""Classes stay apart for everybody: CIEDE2000, as seen normally and with three kinds of colour blindness."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from gis_service.analysis.answer import Ramp
from maps.palette import HIDDEN, colors

SEEN = {
    "normal": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST = 10.0
MOST = {Ramp.SEQUENTIAL: 6, Ramp.DIVERGING: 5, Ramp.REACH: 3, Ramp.SEVERITY: 4, Ramp.CATEGORY: 6}
USED = [
    (ramp, number)
    for ramp, most in MOST.items()
    for number in range(2, most + 1)
    if ramp is not Ramp.DIVERGING or number % 2  # a diverging ramp has a middle
]


def lab(color: str, seen: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* (D65) of ``#rrggbb`` as somebody sees it."""
    rgb = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(seen @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = to_xyz @ linear / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """Return the colour difference of CIE 142-2001 (Sharma, Wu and Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    c1, c2 = math.hypot(a1 * (1 + g), b1), math.hypot(a2 * (1 + g), b2)
    h1 = math.degrees(math.atan2(b1, a1 * (1 + g))) % 360
    h2 = math.degrees(math.atan2(b2, a2 * (1 + g))) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    d_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    h_mean = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * math.cos(math.radians(h_mean - 30))
        + 0.24 * math.cos(math.radians(2 * h_mean))
        + 0.32 * math.cos(math.radians(3 * h_mean + 6))
        - 0.20 * math.cos(math.radians(4 * h_mean - 63))
    )
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / math.sqrt(20 + (l_mean - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * t
    r_c = 2 * math.sqrt(c_mean**7 / (c_mean**7 + 25**7))
    r_t = -r_c * math.sin(math.radians(60 * math.exp(-(((h_mean - 275) / 25) ** 2))))
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    return math.sqrt(d_l**2 + d_c**2 + (d_h / s_h) ** 2 + r_t * d_c * d_h / s_h)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_formula_gives_the_published_values(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(("ramp", "number"), USED)
def test_classes_stay_apart_for_everybody(ramp: Ramp, number: int, seen: str) -> None:
    shown = [*colors(ramp, number), HIDDEN] if ramp is Ramp.SEQUENTIAL else list(colors(ramp, number))
    for one, other in itertools.combinations(shown, 2):
        assert ciede2000(lab(one, SEEN[seen]), lab(other, SEEN[seen])) >= LEAST, (one, other)


@pytest.mark.parametrize("ramp", [Ramp.SEQUENTIAL, Ramp.SEVERITY])
def test_more_is_darker(ramp: Ramp) -> None:
    lightness = [lab(color, SEEN["normal"])[0] for color in colors(ramp, MOST[ramp])]
    assert lightness == sorted(lightness, reverse=True)


@pytest.mark.parametrize(("ramp", "most"), MOST.items())
def test_more_classes_than_colours_are_refused(ramp: Ramp, most: int) -> None:
    assert len(colors(ramp, most)) == most
    with pytest.raises(ValueError, match="colours"):
        colors(ramp, most + 1)
