"""Hazards that come back: several of one kind at one place, and found anew after one was settled."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas
import pandas as pd

from gis_service.analysis.answer import CLASS

_PLACES = ("rental_code", "enterprise_code", "building_code")
"""What says where a case is, the narrowest first; cases that name none are at no known place."""
_NOT_FOUND = ("rejected", "merged")


def repeats(cases: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return the places with several cases of one category, the most first.

    Parameters
    ----------
    cases
        With ``category``, ``status``, ``found_on``, ``closed_on`` and the codes of rental, enterprise and building.

    Returns
    -------
    geopandas.GeoDataFrame
        ``place`` (code), ``of`` (which code that is), ``category``, ``number``, ``still`` (open), ``again`` (found
        after one of them had been settled), ``last`` (day); at the place of the latest case. Class again or several.
    """
    real = cases[~cases["status"].isin(_NOT_FOUND)]
    found = []
    for row in real.to_dict("records"):
        of = next((column for column in _PLACES if row[column]), None)
        found.append((of, row[of] if of else None))
    known = real.assign(of=[one[0] for one in found], place=[one[1] for one in found])
    known = known[known["place"].notna()]
    rows = [
        _told(str(of), str(place), str(category), group)
        for (of, place, category), group in known.groupby(["of", "place", "category"])
        if len(group) > 1
    ]
    rows.sort(key=lambda row: (-row["number"], -row["again"], row["place"], row["category"]))
    frame = pd.DataFrame(rows, columns=["of", "place", "category", "number", "still", "again", "last", CLASS, "shape"])
    return geopandas.GeoDataFrame(frame.drop(columns="shape"), geometry=frame["shape"].tolist(), crs=cases.crs)


def _told(of: str, place: str, category: str, group: geopandas.GeoDataFrame) -> dict[str, Any]:
    days = [day or date.min for day in group["found_on"]]
    settled = [day for day in group["closed_on"] if day]
    again = sum(bool(settled) and day > min(settled) for day in days)
    return {
        "of": of, "place": place, "category": category, "number": len(group),
        "still": int((group["status"] != "closed").sum()), "again": again,
        "last": max(days).isoformat() if max(days) > date.min else None, CLASS: "again" if again else "several",
        "shape": group.geometry.iloc[days.index(max(days))],
    }  # fmt: skip
