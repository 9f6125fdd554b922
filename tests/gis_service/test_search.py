"""Finding things by all the spellings of what they are called."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import shapely
from sqlalchemy import delete, select, text, update

from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.features.pinyin import sounds_like
from gis_service.features.search import read_hits, search_of
from gis_service.features.spelling import in_chinese, numeral, spelling_of
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS
from tests.asking import Asking
from tests.gis_service.example_rows import example_record, example_shape

GRID = COMMUNITY + "003"
EVERY = list(LAYERS.values())


def search(
    ask: Asking,
    scope: Scope,
    query: str,
    *,
    layers: list[Layer] = EVERY,
    limit: int = 100,
    near: tuple[float, float] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the hits as features."""
    hits, matched = read_hits(ask(scope, search_of(layers, scope, query, limit=limit, near=near))[0])
    assert len(hits) == min(limit, matched)
    return [json.loads(hit) for hit in hits]


def labels(found: list[dict[str, Any]]) -> list[str]:
    return [hit["properties"]["label"] for hit in found]


# -- spellings ------------------------------------------------------------------------------------------------------

SAME = [
    "新群小区12幢", "新群小区十二幢", "新群小区一十二幢", "新群小区12栋", "新群小区12棟", "新群小区12号楼",
    "新群小区十二号楼", "新群小区１２幢", "新群小区12#", "新群小区12#楼", "新群小区12＃", "新群小区12座",
    " 新群小区 12幢 ", "12幢 新群小区",
    "新群小区一二幢", "xqxq12幢", "xinqunxiaoqu12幢", "XQXQ 12栋", "ｘｑｘｑ12幢", "新群xq12幢", "xinqunxq12幢",
]  # fmt: skip


@pytest.mark.parametrize("query", SAME)
def test_spellings_of_one_building(ask_sample: Asking, staff: Scope, query: str) -> None:
    found = search(ask_sample, staff, query, layers=[LAYERS["building"]])
    assert labels(found)[0] == "新群小区12幢"
    assert "新群小区112幢" not in labels(found)


WRITTEN = {
    "SHUN1": "顺达新村3幢2单元401室", "SHUN2": "顺达新村１３幢", "SHUN3": "顺达新村二十三栋", "SHUN4": "顺达新村5号楼",
    "SHUN5": "顺达新村六幢", "SAN": "三环路8号", "ROOM": "东湖花园7幢1单元502", "WIDE": "Ａ座（北）",
    "ODD": "100%_纯棉厂",
    "ZHONG": "重庆小面馆", "LV": "绿洲花园", "XIAN": "西安路", "KUN": "堃昇公寓",
}  # fmt: skip


@pytest.fixture(scope="module")
def spelled(database: Database, staff: Scope, area: str) -> Scope:
    """A few facilities with awkward names."""
    layer = LAYERS["facility"]
    with database.write(staff) as conn:
        rows = [(example_record(layer, code=code, name=name), example_shape(layer)) for code, name in WRITTEN.items()]
        put_features(conn, layer, area, rows)
    return staff


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("顺达新村三幢二单元四百零一室", "SHUN1"), ("顺达新村3栋2单元401", "SHUN1"), ("顺达新村3-2-401", "SHUN1"),
        ("sdxc3-2-401", "SHUN1"), ("顺达新村13幢", "SHUN2"), ("顺达新村十三号楼", "SHUN2"), ("顺达新村23幢", "SHUN3"),
        ("顺达新村5幢", "SHUN4"), ("顺达新村五栋", "SHUN4"), ("顺达新村6号楼", "SHUN5"), ("三环路8号", "SAN"),
        ("三环路", "SAN"), ("shl", "SAN"), ("东湖花园7幢1单元502室", "ROOM"), ("东湖花园七号楼502", None),
        ("a座", "WIDE"), ("A座(北)", "WIDE"), ("100%_", "ODD"), ("%_纯", "ODD"), ("10%", None), ("100_", None),
        ("chongqing", "ZHONG"), ("zhongqing", "ZHONG"), ("cqxmg", "ZHONG"), ("zqxmg", "ZHONG"), ("lvzhou", "LV"),
        ("lzhy", "LV"), ("xian", "XIAN"), ("xi'an", "XIAN"), ("xal", "XIAN"), ("kunsheng", "KUN"), ("ksgy", None),
        ("kunshenggo", "KUN"), ("shun3", "SHUN3"), ("顺达新村2幢", None), ("顺达新村3室", None), ("[0-9]", None),
        ("顺达.*3", None), (".", None), ("\\d", None), ("'; drop table", None), ("qqqqqqqq", None),
    ],
)  # fmt: skip
def test_spellings(ask: Asking, spelled: Scope, query: str, code: str | None) -> None:
    try:
        found = search(ask, spelled, query, layers=[LAYERS["facility"]])
    except InputError:
        assert query == "."
        return
    codes = [hit["properties"]["code"] for hit in found]
    assert (codes[0] if codes else None) == code


@pytest.mark.parametrize("query", ["", "  ", "%", "-", "a", "Ｑ", "字" * 101, "一 二 三 四 五 六"])
def test_what_cant_be_looked_for_is_refused(query: str) -> None:
    with pytest.raises(InputError):
        spelling_of(query)


@pytest.mark.parametrize(
    ("said", "number"),
    [("十二", 12), ("一十二", 12), ("一二", 12), ("二十", 20), ("一百零三", 103), ("两百", 200), ("一〇三", 103),
     ("一千零一", 1001), ("九千九百九十九", 9999), ("百", None), ("十百", None), ("二三十", None),
     ("一二三四五", None)],
)  # fmt: skip
def test_chinese_numerals(said: str, number: int | None) -> None:
    assert numeral(said) == number


def test_numbers_said_in_chinese_are_read_back() -> None:
    for number in range(1, 10_000):
        assert numeral(in_chinese(number)) == number


def test_a_pattern_of_sounds_stays_small() -> None:
    for letters in (
        "xianxianxianxianxianxianxian",
        "xqjyxqjyxqjy",
        "a" * 40,
        "zhangshangchuang" * 2,
        "gangangangangan",
    ):
        pattern = sounds_like(letters)
        assert pattern is None or len(pattern.encode()) < 120_000
    # Reading it in vain one way after the other would take hours.
    assert sounds_like("xian" * 9 + "uuu") is None
    assert sounds_like("x") is None
    assert sounds_like("x" * 41) is None


# -- the sample -----------------------------------------------------------------------------------------------------


def test_ranks(ask_sample: Asking, staff: Scope) -> None:
    (only,) = search(ask_sample, staff, "yh0951")
    assert (only["properties"]["layer"], only["properties"]["match"]) == ("hazard", "code")
    found = search(ask_sample, staff, "xqxq", limit=200)
    assert labels(found)[0] == "新群小区"
    assert {hit["properties"]["match"] for hit in found} == {"pinyin"}
    found = search(ask_sample, staff, "新群小区", limit=200)
    ranks = ["code", "name", "beginning", "part", "pinyin"]
    order = [ranks.index(hit["properties"]["match"]) for hit in found]
    assert order == sorted(order)
    assert (found[0]["properties"]["layer"], found[0]["properties"]["match"]) == ("estate", "name")
    # What others are named after comes before them, and a name before an address.
    found = search(ask_sample, staff, "新群", limit=200)
    assert set(labels(found)[:3]) == {"新群社区", "新群小区", "新群路"}
    by_name = [hit["properties"]["label"].startswith("新群") for hit in found if hit["properties"]["match"] != "part"]
    assert by_name == sorted(by_name, reverse=True)
    assert True in by_name
    buildings = [
        hit["properties"]["label"] for hit in search(ask_sample, staff, "新群小区", layers=[LAYERS["building"]])
    ]
    assert buildings[:11] == [f"新群小区{number}幢" for number in range(1, 12)]


def test_a_road_is_one_hit(ask_sample: Asking, staff: Scope, sample: Database) -> None:
    for query in ("兴平路", "xpl", "xingpinglu"):
        first = search(ask_sample, staff, query)[0]
        assert first["properties"]["layer"] == "road"
        assert first["properties"]["label"] == "兴平路"
        assert first["properties"]["segments"] == 6
        with sample.read(staff) as conn:
            box = conn.execute(text("select st_extent(geom)::text from gis.road where name = '兴平路'")).scalar_one()
        assert first["bbox"] == [float(number) for part in box[4:-1].split(",") for number in part.split()]


def test_old_villages_and_firms(ask_sample: Asking, staff: Scope, sample: Database) -> None:
    with sample.read(staff) as conn:
        row = tables_of(LAYERS["building"]).current.c
        old = set(conn.execute(select(row.code).where(row.origin_village == "钟埭村")).scalars())
    for query in ("钟埭村", "zhongdaicun", "zdc"):
        found = search(ask_sample, staff, query, layers=[LAYERS["building"]], limit=200)
        assert {hit["properties"]["code"] for hit in found} == old
    assert search(ask_sample, staff, "百川精密")[0]["properties"]["layer"] in {"enterprise", "enterprise_plot"}
    assert "平湖百川精密机械有限公司（示意）" in labels(search(ask_sample, staff, "bcjm"))
    assert "平湖百川精密机械有限公司（示意）" in labels(search(ask_sample, staff, "有限公司(示意) 百川"))


def test_the_nearer_of_equals_comes_first(ask_sample: Asking, staff: Scope) -> None:
    lon, lat = 120.99, 30.70
    found = search(ask_sample, staff, "消火栓", layers=[LAYERS["facility"]], near=(lon, lat), limit=200)
    metres = [hit["properties"]["distance_m"] for hit in found]
    assert len(found) > 50
    # The order is that of degrees made square, which differs from metres by less than a metre here.
    assert all(after >= before - 1 for before, after in itertools.pairwise(metres))
    with pytest.raises(InputError):
        search_of(EVERY, staff, "消火栓", limit=1, near=(200, 0))


def test_a_scope_finds_its_own(ask_sample: Asking, staff: Scope, sample: Database) -> None:
    with sample.read(staff) as conn:
        row = tables_of(LAYERS["hazard"]).current.c
        mine = set(conn.execute(select(row.code).where(row.grid == GRID)).scalars())
        other = conn.execute(select(row.code).where(row.grid != GRID)).scalars().first()
    worker, nobody = Scope("test", "worker", (GRID,)), Scope("test", "staff", ())
    found, asked = set(), [LAYERS["hazard"]]
    for digit in range(10):
        rows = ask_sample(worker, search_of(asked, worker, f"yh0{digit}", limit=200))[0]
        found |= {json.loads(hit)["properties"]["code"] for hit in read_hits(rows)[0]}
    assert found == mine
    assert search(ask_sample, staff, str(other))
    assert not search(ask_sample, worker, str(other))
    # Not even the number of hits tells of what lies outside.
    everyone = ask_sample(staff, search_of(asked, staff, "yh0", limit=1))[0][0][-1]
    assert 0 < ask_sample(worker, search_of(asked, worker, "yh0", limit=1))[0][0][-1] == len(mine) < everyone
    assert not search(ask_sample, nobody, "新群小区")


def test_a_write_by_any_door_shows_at_once(ask: Asking, database: Database, staff: Scope, area: str) -> None:
    layer = LAYERS["estate"]
    row = tables_of(layer).current
    with database.write(staff) as conn:
        shape = shapely.box(121.0, 30.7, 121.001, 30.701)
        put_features(conn, layer, area, [(example_record(layer, code="E1", name="桂花苑"), shape)])
    assert labels(search(ask, staff, "ghy")) == ["桂花苑"]
    with database.write(staff) as conn:
        conn.execute(update(row).where(row.c.code == "E1").values(name="腊梅苑"))
    assert not search(ask, staff, "ghy")
    assert labels(search(ask, staff, "lameiyuan")) == ["腊梅苑"]
    with database.write(staff) as conn:
        conn.execute(delete(row).where(row.c.code == "E1"))
    assert not search(ask, staff, "lmy", layers=[layer])


def test_an_entrance_may_be_left_out_of_an_address_but_no_other_takes_its_place() -> None:
    (pattern,) = spelling_of("新群小区12幢1单元101室").written
    assert re.search(pattern, "新群小区十二幢101室")
    assert re.search(pattern, "新群小区12栋1单元101")
    for other in ("新群小区12幢2单元101室", "新群小区12幢1101室", "新群小区12幢1单元102室"):
        assert not re.search(pattern, other)
