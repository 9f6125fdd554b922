"""A thematic page of many polygons beside Folium's own GeoJson layer, in one run: seconds, bytes and their ratio.

    python -m benchmarks.thematic_page [--polygons 50000]

Both begin with the same frame in metres and end with the page's HTML. Folium gets a style by class and a tooltip of the
same columns, which is what the thematic page shows of each feature.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date

import folium
import geopandas
import numpy as np
import shapely

from gis_service.analysis.answer import CLASS, Answer, Breaks, Column, Ramp, Theme
from gis_service.analysis.themes import feature_collection
from gis_service.overview import Overview
from layers.field import Kind
from maps import thematic
from maps.offline import to_served_page
from maps.palette import colors

_BREAKS = Breaks((10.0, 25.0, 50.0, 100.0, 200.0), "人")
_COLUMNS = (Column("name", "楼栋"), Column("people", "人数", Kind.INTEGER, "人"))


def frame_of(number: int) -> geopandas.GeoDataFrame:
    """Return ``number`` rectangles of 8 by 12 m on a lattice of 20 m, EPSG:4549, with a name, a number and a class."""
    side = int(np.ceil(np.sqrt(number)))
    east, north = (axis.ravel()[:number] * 20.0 for axis in np.meshgrid(np.arange(side), np.arange(side)))
    people = np.random.default_rng(5).integers(0, 300, number)
    return geopandas.GeoDataFrame(
        {"name": [f"{at}幢" for at in range(number)], "people": people, CLASS: _BREAKS.keys(people.tolist())},
        geometry=shapely.box(595_000 + east, 3_398_000 + north, 595_008 + east, 3_398_012 + north),
        crs=4549,
    )


def ours(frame: geopandas.GeoDataFrame) -> str:
    """Return the thematic page."""
    theme = Theme(
        "people", "人数", "MULTIPOLYGON", "name", _COLUMNS, _BREAKS.classes(), Ramp.SEQUENTIAL,
        feature_collection(frame, _COLUMNS), len(frame),
    )  # fmt: skip
    answer = Answer("trial", "人数", "330482002011", date(2026, 11, 24), 4549, "人", "试验。", "试验", (), (theme,))
    west, south, east, north = frame.iloc[[0, -1]].to_crs(4490).total_bounds
    ground = Overview("330482002011", "试验社区", (west, south, east, north), (), "2026-11-24", False, (), "CGCS2000")
    return to_served_page(thematic.draw(ground, answer))


def folium_page(frame: geopandas.GeoDataFrame) -> str:
    """Return Folium's page of the same features."""
    shown = dict(zip((one.key for one in _BREAKS.classes()), colors(Ramp.SEQUENTIAL, 6), strict=True))
    page = folium.Map(location=[30.7, 121.0], tiles=None, prefer_canvas=True)
    folium.GeoJson(
        frame.to_crs(4326),
        style_function=lambda feature: {"fillColor": shown[feature["properties"][CLASS]], "weight": 1},
        tooltip=folium.GeoJsonTooltip(["name", "people"], ["楼栋", "人数"]),
    ).add_to(page)
    return str(page.get_root().render())


def timed(make: Callable[[geopandas.GeoDataFrame], str], frame: geopandas.GeoDataFrame) -> tuple[float, int]:
    """Return CPU seconds and bytes of the page."""
    began = time.process_time()
    html = make(frame)
    return time.process_time() - began, len(html.encode())


def main() -> int:
    """Print both and their ratio; return 1 when ours takes more than a tenth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polygons", type=int, default=50_000)
    frame = frame_of(parser.parse_args().polygons)
    ours(frame.head(10))
    folium_page(frame.head(10))
    (our_s, our_bytes), (their_s, their_bytes) = timed(ours, frame), timed(folium_page, frame)
    lines = [
        f"{len(frame):,} polygons, CPU seconds of one process",
        f"thematic page   {our_s:7.2f} s  {our_bytes / 1e6:6.1f} MB",
        f"folium.GeoJson  {their_s:7.2f} s  {their_bytes / 1e6:6.1f} MB",
        f"ratio           {our_s / their_s:7.3f}  (bar 0.100)",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if our_s <= their_s / 10 else 1


if __name__ == "__main__":
    sys.exit(main())
