"""Files that name other files and addresses, so that whoever opens them reads those instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from pyogrio import raw

from tests.api.hostile.bait import HEAD, ROW, Bait, Hostile, as_text, collection, feature
from tests.gis_service.surveys.hostile import HEADS, archive, gdalg, vrt, wfs

Text = Callable[[str], str]


def _of_secret(text: Text) -> Callable[[Bait], bytes]:
    return lambda bait: text(f"CSV:{bait.secret}").encode()


def _of_address(text: Text, prefix: str = "") -> Callable[[Bait], bytes]:
    return lambda bait: text(f"{prefix}{bait.address}").encode()


def _packed(member: str, text: Text) -> Callable[[Bait], bytes]:
    return lambda bait: archive({member: text(f"CSV:{bait.secret}")})


def _gml(source: str) -> str:
    schema = f"http://www.opengis.net/wfs {source}?REQUEST=DescribeFeatureType"
    return (
        '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:gml="http://www.opengis.net/gml" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{schema}"><gml:featureMember>'
        "<a><gml:Point><gml:coordinates>120.9952,30.7040</gml:coordinates></gml:Point></a></gml:featureMember>"
        "</wfs:FeatureCollection>"
    )


def _kml(head: str, name: str = "&l9;") -> Callable[[Bait], bytes]:
    mark = f"<Placemark><name>{name}</name><Point><coordinates>120.9952,30.7040</coordinates></Point></Placemark>"
    return lambda bait: (f"{_filled(head, bait)}<kml><Document>{mark}</Document></kml>").encode()


def _gpx(head: str) -> Callable[[Bait], bytes]:
    return lambda bait: (
        f'{_filled(head, bait)}<gpx><wpt lat="30.7040" lon="120.9952"><name>&l9;</name></wpt></gpx>'
    ).encode()


def _filled(head: str, bait: Bait) -> str:
    return head.replace("{secret}", str(bait.secret)).replace("http://127.0.0.1:1/a.dtd", bait.address)


def shapefile(bait: Bait, projection: str = "", code_page: str = "", name: str = "a") -> bytes:
    """A shapefile of one point, with what is said of it replaced."""
    folder = bait.folder / f"shape{len(list(bait.folder.iterdir()))}"
    folder.mkdir()
    point = shapely.to_wkb(np.array([shapely.Point(120.9952, 30.7040)], dtype=object))
    columns = [np.array(["LJ901"], dtype=object), np.array(["定时定点"], dtype=object)]
    raw.write(
        folder / "a.shp", point, columns, ["编号", "类型"], geometry_type="Point", crs="EPSG:4490",
        driver="ESRI Shapefile", encoding="UTF-8",
    )  # fmt: skip
    parts: dict[str, bytes | str] = {
        f"{name}{path.suffix}": path.read_bytes() for path in folder.iterdir() if path.suffix != ".cpg"
    }
    if projection:
        parts[f"{name}.prj"] = projection
    if code_page:
        parts[f"{name}.cpg"] = code_page
    return archive(parts)


_DEGREES = (
    'GEOGCS["{name}",DATUM["D_Own",SPHEROID["Own",6377000.0,299.0]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]]'
)
_NO_CRS = {"layer": "waste_point"}


def files() -> Iterator[Hostile]:
    """Yield the files."""
    for extension, says in (
        (".vrt", "不接受"), (".geojson", "内容却不是"), (".gpkg", "内容却不是"), (".gml", "不接受"),
        (".csv", "没有数据行"), (".xlsx", "内容却不是"), (".zip", "内容却不是"), (".kml", "没有带位置的地标"),
        (".gpx", "没有这个图层要的航点"), (".dxf", "内容却不是"), (".dat", "不是 CASS 的坐标文件"), ("", "没有扩展名"),
    ):  # fmt: skip
        yield Hostile("VRT of another file", f"survey{extension}", _of_secret(vrt), says)
    yield Hostile("VRT of an address", "survey.geojson", _of_address(vrt, "/vsicurl/"), "内容却不是")
    yield Hostile("VRT of an address", "survey.csv", _of_address(vrt), "没有数据行")
    yield Hostile("GDALG of another file", "survey.geojson", _of_secret(gdalg), "不是 GeoJSON")
    yield Hostile("GDALG of another file", "survey.gdalg.json", _of_secret(gdalg), "不是 GeoJSON")
    yield Hostile("GDALG of another file", "survey.csv", _of_secret(gdalg), "没有数据行")
    yield Hostile("GDALG of an address", "survey.json", _of_address(gdalg), "不是 GeoJSON")
    yield Hostile("WFS of an address", "survey.csv", _of_address(wfs), "没有数据行")
    yield Hostile("WFS of an address", "survey.kml", _of_address(wfs), "没有带位置的地标")
    yield Hostile("WFS of an address", "survey.geojson", _of_address(wfs), "内容却不是")
    yield Hostile("GML with a schema elsewhere", "survey.gml", _of_address(_gml), "不接受")
    yield Hostile("GML with a schema elsewhere", "survey.kml", _of_address(_gml), "没有带位置的地标")
    for member, says in (
        ("survey.geojson", "内容却不是"), ("a.vrt", "没有 .shp"), ("a.csv", "没有数据行"), ("a.gpkg", "内容却不是"),
        ("a.kml", "没有带位置的地标"),
    ):  # fmt: skip
        yield Hostile(f"VRT of another file inside as {member}", "survey.zip", _packed(member, vrt), says)
    yield Hostile("GDALG of another file inside", "survey.zip", _packed("a.json", gdalg), "不是 GeoJSON")
    yield Hostile("VRT where a shape should be", "survey.zip", lambda bait: archive(
        {"a.shp": vrt(f"CSV:{bait.secret}"), "a.shx": "", "a.dbf": ""}), "已损坏")  # fmt: skip
    for number, head in enumerate(HEADS):
        yield Hostile(f"document type {number}", "survey.kml", _kml(head), "DOCTYPE")
        yield Hostile(f"document type {number}", "survey.gpx", _gpx(head), "DOCTYPE")
    yield Hostile("document type in UTF-16", "survey.kml", lambda bait: (
        _kml(HEADS[1])(bait).decode().encode("utf-16")), "DOCTYPE")  # fmt: skip
    yield Hostile("a picture with a document type", "survey.kml", lambda bait: (
        f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{bait.secret}">]><svg><text>&x;</text></svg>'
    ).encode(), "DOCTYPE")  # fmt: skip
    yield Hostile("links elsewhere", "survey.kml", lambda bait: (
        f"<kml><NetworkLink><Link><href>{bait.address}</href></Link></NetworkLink></kml>"
    ).encode(), "只有指向别处的链接")  # fmt: skip
    yield Hostile("system at an address", "survey.geojson", lambda bait: (
        collection(feature())[:-1] + f',"crs":{{"type":"name","properties":{{"name":"{bait.address}"}}}}}}'
    ).encode(), "坐标系", fields=_NO_CRS)  # fmt: skip
    yield Hostile("projection out of another file", "survey.zip", lambda bait: (
        shapefile(bait, f"+proj=longlat +nadgrids={bait.secret} +type=crs")), taken={},
        fields=_NO_CRS)  # fmt: skip
    yield Hostile("projection at an address", "survey.zip", lambda bait: (
        shapefile(bait, bait.address)), "坐标系", fields=_NO_CRS)  # fmt: skip
    yield Hostile("projection that calls itself a code", "survey.zip", lambda bait: (
        shapefile(bait, _DEGREES.format(name="EPSG:100000"))), taken={}, fields=_NO_CRS)  # fmt: skip
    yield Hostile("code page that unpacks", "survey.zip", lambda bait: shapefile(bait, code_page="zlib"),
                  taken={"added": 1})  # fmt: skip
    yield Hostile("CRS out of a file", "survey.csv", as_text(f"{HEAD}\n{ROW}\n"), "坐标系",
                  fields={"layer": "waste_point", "crs": "+proj=longlat +nadgrids=/etc/passwd"})  # fmt: skip
    yield Hostile("CRS in PROJ's own program", "survey.csv", as_text(f"{HEAD}\n{ROW}\n"), "坐标系",
                  fields={"layer": "waste_point", "crs": "+init=/etc/passwd:root"})  # fmt: skip
    yield Hostile("CRS that isn't", "survey.csv", as_text(f"{HEAD}\n{ROW}\n"), "坐标系",
                  fields={"layer": "waste_point", "crs": "EPSG:999999"})  # fmt: skip
