"""Texts that never end, nest without end, or hold signs that texts don't: GeoJSON, CSV, DXF, GPX."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.api.hostile.bait import (
    HEAD,
    ROW,
    Hostile,
    as_bytes,
    as_text,
    collection,
    csv_with,
    feature,
    point_feature,
)

_BUILDING = {"layer": "building", "crs": "EPSG:4490"}
_ROAD = {"layer": "road", "crs": "EPSG:4490"}


def _long_line() -> str:
    line = ",".join(f"[120.99{at:07d},30.7]" for at in range(2_000_000))
    return collection(feature('"编号":"D1","名称":"路"', f'{{"type":"LineString","coordinates":[{line}]}}'))


def _json() -> Iterator[Hostile]:
    name = "survey.geojson"
    yield Hostile(
        "lists in lists", name, as_text('{"type":"FeatureCollection","features":' + "[" * 200_000), "不是完好的 JSON"
    )
    yield Hostile("values 1,500 deep", name,
                  as_text(collection(feature('"a":' + "[" * 1500 + "]" * 1500))), "不是完好的 JSON")  # fmt: skip
    yield Hostile("geometries in geometries", name, as_text(collection(feature(geometry=(
        '{"type":"GeometryCollection","geometries":[' * 400 + '{"type":"Point","coordinates":[120.9952,30.7040]}'
        + "]}" * 400)))), taken={"refused": 1})  # fmt: skip
    yield Hostile("one text of 3 MB", name, as_text(collection(point_feature(名称="长" * 1_000_000))),
                  taken={"refused": 1})  # fmt: skip
    yield Hostile("one text of 30 MB", name, lambda _: collection(point_feature(名称="长" * 10_000_000)).encode(),
                  taken={"refused": 1})  # fmt: skip
    for word in ("NaN", "Infinity", "-Infinity"):
        yield Hostile(f"the number {word}", name, as_text(collection(feature(f'"桶数":{word}'))), "不是完好的 JSON")
    yield Hostile(
        "the number 1e999",
        name,
        as_text(collection(feature('"编号":"LJ901","点位类型":"定时定点","桶数":1e999'))),
        "不是完好的 JSON",
    )
    yield Hostile("a place at 1e308", name, as_text(collection(feature(
        geometry='{"type":"Point","coordinates":[1e308,-1e308]}'))), "数值却不是")  # fmt: skip
    yield Hostile("an integer of 5,000 digits", name, as_text(collection(feature(
        f'"编号":"LJ901","点位类型":"定时定点","桶数":{"9" * 5000}'))), "不是完好的 JSON")  # fmt: skip
    yield Hostile("keys twice", name, as_text(collection(feature(
        '"编号":"LJ900","编号":"LJ901","点位类型":"定时定点"'))), taken={"added": 1})  # fmt: skip
    yield Hostile("keys of JavaScript's own", name, as_text(collection(point_feature(
        __proto__={"polluted": True}, constructor="x", toString="x"))), taken={"added": 1})  # fmt: skip
    yield Hostile("a NUL in a value", name, as_text(collection(feature(
        '"编号":"LJ\\u0000901","名称":"a\\u0000b","点位类型":"定时定点"'))), taken={"refused": 1})  # fmt: skip
    yield Hostile("a NUL in a key", name, as_text(collection(feature(
        '"编号":"LJ901","点位类型":"定时定点","a\\u0000b":1'))), taken={"added": 1})  # fmt: skip
    yield Hostile("a NUL in a code", name, as_text(collection(feature(
        '"编号":"LJ901","点位类型":"定时定点\\u0000"'))), taken={"refused": 1})  # fmt: skip
    yield Hostile("half a sign in a value", name, as_text(collection(feature(
        '"编号":"LJ901","点位类型":"定时定点","名称":"\\ud800"'))), "不是完好的 JSON")  # fmt: skip
    yield Hostile("control characters and marks that turn text round", name, as_text(collection(point_feature(
        名称="\u202eotohp\u202d\x07\x1b[31m", 管理单位="\u2066\u200b\ufeff"))), taken={"added": 1})  # fmt: skip
    yield Hostile("templates in names", name, as_text(collection(point_feature(
        名称="{{7*7}}{% for x in y %}</script><!--", **{"{{config}}": "${7*7}"}))), taken={"added": 1})  # fmt: skip
    yield Hostile("a million features without a place", name, lambda _: collection(*[
        '{"type":"Feature","properties":{},"geometry":null}'] * 1_000_000).encode(), "没有几何")  # fmt: skip
    yield Hostile("a line of two million vertices", name, lambda _: _long_line().encode(), taken={"refused": 1},
                  fields=_ROAD)  # fmt: skip
    drawn = random.Random(5)
    scribble = [f"[{120.99 + drawn.random() / 100:.7f},{30.70 + drawn.random() / 100:.7f}]" for _ in range(3000)]
    yield Hostile("a scribble that crosses itself everywhere", name, as_text(collection(feature(
        '"编号":"B1"', f'{{"type":"Polygon","coordinates":[[{",".join([*scribble, scribble[0]])}]]}}'
    ))), "处理器时间|中途退出|超过 30 秒", fields=_BUILDING)  # fmt: skip
    yield Hostile("a polygon of 20,000 holes", name, as_text(collection(feature('"编号":"B1"', (
        '{"type":"Polygon","coordinates":[[[120.99,30.70],[121.0,30.70],[121.0,30.71],[120.99,30.70]]'
        + ",[[120.995,30.701],[120.996,30.701],[120.996,30.702],[120.995,30.701]]" * 20_000 + "]}"
    )))), taken={"refused": 1}, fields=_BUILDING)  # fmt: skip


def _csv() -> Iterator[Hostile]:
    name = "survey.csv"
    yield Hostile("100,000 columns", name, as_text(
        ",".join(f"c{at}" for at in range(100_000)) + ",经度,纬度\n1,2\n"), "最多 200 列")  # fmt: skip
    yield Hostile("a cell of 4.1 MB", name, csv_with(name="x" * 4_100_000), "单元格太长")
    yield Hostile("a cell of 30 MB", name, csv_with(name="x" * 30_000_000), "单元格太长")
    yield Hostile("a cell of 3.9 MB", name, csv_with(name="长" * 1_300_000), taken={"refused": 1})
    yield Hostile(
        "quotes that never close",
        name,
        as_text(f'{HEAD}\n{ROW}\nLJ902,"' + "x\n" * 1_900_000),
        taken={"added": 1, "refused": 1},
    )
    yield Hostile("nothing but NUL", name, as_bytes(b"\0" * 1_000_000), "内容却不是")
    yield Hostile("NUL among the rows", name, as_bytes(f"{HEAD}\n{ROW}\n".encode() + b"\0" * 5000), "内容却不是")
    yield Hostile("UTF-16 that doesn't say so", name, as_text(f"{HEAD}\n{ROW}\n", "utf-16-le"), "内容却不是")
    yield Hostile("bytes in no encoding", name, as_bytes(HEAD.encode() + b"\n\xff\xfe\x80\x80\n"), "编码认不出来")
    yield Hostile("nothing but line ends", name, as_bytes(b"\n" * 4_000_000), "空的")
    yield Hostile("a header of brackets", name, csv_with(head=f"{HEAD.replace('名称', '(' * 1_000_000)}"), "列名")
    yield Hostile("headers of 5,000 signs", name, as_text(
        ",".join([*(f"{'租户数量' * 1250}{at}" for at in range(150)), HEAD]) + "\n" + "," * 150 + ROW + "\n"),
        "列名")  # fmt: skip
    yield Hostile("headers in another's words", name, as_text(
        ",".join([*(f"{'出租房屋类型登记' * 12}{at}" for at in range(190)), HEAD]) + "\n" + "," * 190 + ROW + "\n"),
        taken={"added": 1})  # fmt: skip
    for what, bins in (
        ("words before a number, over and over", "共计" * 40 + "x"),
        ("a numeral of 5,000 signs", "一" * 5000),
        ("about 10 to the 5,000", "约" + "9" * 5000),
        ("a number of 100,000 digits", "9" * 100_000),
        ("full-width digits without end", "９" * 100_000),
        ("hundreds of millions of hundreds of millions", "一" + "亿" * 2000),
        ("spaces between two digits", "1" + " " * 3000 + "2"),
        ("NaN", "NaN"), ("1e999", "1e999"),
    ):  # fmt: skip
        yield Hostile(f"a number that is {what}", name, csv_with(bins), taken={"refused": 1})
    rows = "\n".join(f"L{at},定时定点,x,120.99,30.7" for at in range(25_000))
    yield Hostile("25,000 rows that are all wrong", name, as_text(f"编号,类型,垃圾桶数,经度,纬度\n{rows}\n"),
                  taken={"refused": 25_000})  # fmt: skip
    rows = "\n".join(f"L{at},定时定点,路{at}" for at in range(25_000))
    yield Hostile("25,000 rows without a place", name, as_text(f"编号,类型,地址\n{rows}\n"),
                  taken={"unplaced": 25_000})  # fmt: skip
    rows = "\n".join("1,2,3,120.99,30.7" for at in range(50_000))
    yield Hostile("50,000 rows that are all one", name, as_text(f"编号,类型,垃圾桶数,经度,纬度\n{rows}\n"),
                  taken={"refused": 50_000})  # fmt: skip
    long = "昌盛路" * 300_000
    yield Hostile("an address without end", name, as_text(
        f"编号,名称,点位类型,地址\nLJ901,甲,定时定点,{long}\nLJ902,乙,定时定点,{'(' * 3000}\n"),
        taken={"unplaced": 2})  # fmt: skip
    yield Hostile("a WKT without end", name, as_text(
        f"编号,点位类型,WKT\nLJ1,定时定点,{'GEOMETRYCOLLECTION(' * 100_000}\nLJ2,定时定点,POINT(120.9952 30.7040)\n"),
        "中途退出")  # fmt: skip
    yield Hostile("a trace without end", name, as_text(
        f"编号,点位类型,trace\nLJ901,定时定点,{';'.join(['30.704 120.9952 0 0'] * 150_000)}\n"),
        taken={"refused": 1})  # fmt: skip


def _drawings() -> Iterator[Hostile]:
    insert = "0\nINSERT\n2\nA\n10\n120.9952\n20\n30.7040\n"
    block = f"0\nSECTION\n2\nBLOCKS\n0\nBLOCK\n2\nA\n{insert * 20_000}0\nENDBLK\n0\nENDSEC\n"
    entities = "0\nSECTION\n2\nENTITIES\n{}0\nENDSEC\n0\nEOF\n"
    yield Hostile("symbols that hold themselves", "survey.dxf", as_text(block + entities.format(insert)),
                  taken={"refused": 1})  # fmt: skip
    yield Hostile("lines that aren't pairs", "survey.dxf", as_text("0\n" + "SECTION\n" * 300_000), "应是组码")
    circle = "0\nCIRCLE\n8\n0\n10\n120.9952\n20\n30.7040\n40\n1e300\n"
    yield Hostile("a circle around everything", "survey.dxf", as_text(entities.format(circle)), "数值却不是",
                  fields=_BUILDING)  # fmt: skip
    yield Hostile("a drawing of 30,000 layers", "survey.dxf", as_text(entities.format("".join(
        f"0\nPOINT\n8\nl{at}\n10\n120.9952\n20\n30.7040\n" for at in range(30_000)))),
        taken={"refused": 30_000})  # fmt: skip
    points = "".join(f'<trkpt lat="30.7{at:06d}" lon="120.99"/>' for at in range(200_000))
    yield Hostile("a track of 200,000 points", "survey.gpx",
                  as_text(f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>"), taken={"refused": 1},
                  fields=_ROAD)  # fmt: skip
    yield Hostile("elements in elements", "survey.gpx", as_text("<gpx>" + "<extensions>" * 100_000), "嵌套超过")
    yield Hostile("100,000 attributes", "survey.kml", as_text(
        "<kml " + " ".join(f'a{at}="1"' for at in range(100_000)) + "/>"), "没有带位置的地标")  # fmt: skip
    yield Hostile("a script in a description", "survey.kml", as_text(
        "<kml><Placemark><name>a</name><description><![CDATA[<script>alert(1)</script>]]></description>"
        "<Point><coordinates>120.9952,30.7040</coordinates></Point></Placemark></kml>"),
        taken={"refused": 1})  # fmt: skip
    yield Hostile(
        "numbers without a name", "survey.dat", as_text("1,,1e999,nan,0\n" * 25_000), taken={"refused": 25_000}
    )


def files() -> Iterator[Hostile]:
    """Yield the files."""
    yield from _json()
    yield from _csv()
    yield from _drawings()
