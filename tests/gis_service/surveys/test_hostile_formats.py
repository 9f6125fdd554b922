"""Drawings and exchange files that want to read others or never end."""

from __future__ import annotations

import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gis_service.surveys.files.dxf import open_dxf
from gis_service.surveys.files.encodings import encoding_of_text, named_codec
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.gpx import open_gpx
from gis_service.surveys.files.kml import open_kml
from gis_service.surveys.files.limits import INTERACTIVE
from gis_service.surveys.files.reading import read_survey
from gis_service.surveys.files.source import Wish
from gis_service.surveys.files.tables import open_csv
from tests.gis_service.surveys.hostile import HEADS, SECRET

ANY = Wish("GEOMETRY", None, None, None, 4549)
MARK = "<Placemark><name>&l9;</name><Point><coordinates>121,30.7</coordinates></Point></Placemark>"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(head: str, encoding: str, secret: Path, tmp_path: Path) -> None:
    head = head.replace("{secret}", str(secret))
    started = time.monotonic()
    (tmp_path / "a.kml").write_text(f"{head}<kml><Document>{MARK}</Document></kml>", encoding)
    (tmp_path / "a.gpx").write_text(f'{head}<gpx><wpt lat="30.7" lon="121"><name>&l9;</name></wpt></gpx>', encoding)
    with pytest.raises(SurveyError, match="DOCTYPE") as of_kml:
        open_kml(tmp_path / "a.kml", None, ANY, INTERACTIVE)
    with pytest.raises(SurveyError, match="DOCTYPE") as of_gpx:
        open_gpx(tmp_path / "a.gpx", ANY, INTERACTIVE)
    assert SECRET not in str(of_kml.value) + str(of_gpx.value)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<kml><a>" + "<b>" * 300, "嵌套超过"),
        ("<kml><Placemark>", "不是完好的 XML"),
        ("<kml>&unknown;</kml>", "不是完好的 XML"),
        ("<kml/>", "没有带位置的地标"),
        ("<kml><NetworkLink><Link><href>file:///etc/passwd</href></Link></NetworkLink></kml>", "只有指向别处的链接"),
        ("<OGRVRTDataSource><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTDataSource>", "没有带位置的地标"),
        (f"<kml>{'<Placemark/>' * 2_000}</kml>", "超过 1000 行"),
        (
            "<kml><Placemark><ExtendedData>"
            + "".join(f'<Data name="c{at}"><value>1</value></Data>' for at in range(300))
            + "</ExtendedData></Placemark></kml>",
            "超过 200 个属性列",
        ),
    ],
)
def test_kml_without_measure(tmp_path: Path, body: str, says: str) -> None:
    path = tmp_path / "a.kml"
    path.write_text(body)
    with pytest.raises(SurveyError, match=says):
        open_kml(path, None, ANY, replace(INTERACTIVE, rows=1000))


def drawing(*lines: str) -> str:
    return "\n".join(("0", "SECTION", "2", "ENTITIES", *lines, "0", "ENDSEC", "0", "EOF")) + "\n"


def test_dxf_that_counts_wrong_and_calls_itself(tmp_path: Path) -> None:
    """Counts and blocks aren't believed: a symbol that holds itself is one point."""
    path = tmp_path / "a.dxf"
    block = ["0", "SECTION", "2", "BLOCKS", "0", "BLOCK", "2", "A", *["0", "INSERT", "2", "A"] * 1000, "0", "ENDSEC"]
    vast = ["0", "INSERT", "8", "0", "2", "A", "70", "30000", "71", "30000", "10", "595804", "20", "3398141"]
    line = ["0", "LWPOLYLINE", "8", "0", "90", "2147483647", "10", "595804", "20", "3398141", "10", "595805"]
    line += ["20", "3398142", "42", "1e308"]
    xref = ["0", "INSERT", "8", "0", "2", "|/etc/passwd", "1", "/etc/passwd", "10", "595804", "20", "3398141"]
    path.write_text("\n".join(block) + "\n" + drawing(*vast, *line, *xref))
    (chunk,) = open_dxf(path, ANY, INTERACTIVE).chunks
    assert [geometry.geom_type for geometry in chunk.geometries] == ["Point", "LineString", "Point"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("x\n" * 10, "第 1 行应是组码"),
        ("0\nSECTION\n2\nENTITIES\n0\nLINE\nfive\n", "第 7 行应是组码"),
        ("0\n" * 7, "没有这个图层要的图形"),
        (drawing(*["0", "POINT", "10", "1e999", "20", "nan"] * 3), "没有这个图层要的图形"),
        (drawing(*["0", "POINT", "10", "595804", "20", "3398141"] * 1_001), "超过 1000 行"),
        (drawing("0", "CIRCLE", "10", "595804", "20", "3398141", "40", "-5"), "没有这个图层要的图形"),
    ],
)
def test_broken_dxf(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "a.dxf"
    path.write_text(content)
    with pytest.raises(SurveyError, match=says):
        open_dxf(path, ANY, replace(INTERACTIVE, rows=1000))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"doc.kml": b" " * 40_000_000}, "压缩炸弹"),
        ({"../doc.kml": b"<kml/>"}, "包外"),
        ({"files/a.png": b"x"}, "没有 .kml"),
    ],
)
def test_hostile_kmz(tmp_path: Path, members: dict[str, bytes], says: str) -> None:
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(SurveyError, match=says), read_survey(path, geometry="POINT"):
        pass


def test_form_exports_without_measure(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    trace = ";".join(f"30.7 121.{at:06d} 0 0" for at in range(100_000))
    path.write_text(f"名称,trace\n甲,{trace}\n乙,{'1 ' * 200_000}\n", "utf-8")
    started = time.monotonic()
    (chunk,) = open_csv(path, Wish("MULTILINESTRING", None, None, None, None), INTERACTIVE).chunks
    assert [geometry is None for geometry in chunk.geometries] == [False, True]
    path.write_text(",".join(f"c{at}-Latitude" for at in range(300)) + "\n1\n", "utf-8")
    with pytest.raises(SurveyError, match="300 列"):
        open_csv(path, ANY, INTERACTIVE)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("name", ["zlib", "bz2", "rot13", "unicode_escape", "punycode", "utf_7", "idna", "", "../x"])
def test_codecs_that_do_more_than_decode(name: str) -> None:
    assert named_codec(name) is None


def test_a_text_in_no_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xff\xff\x80\x80")
    with pytest.raises(SurveyError, match="编码认不出来"):
        encoding_of_text(tmp_path / "a.csv")
