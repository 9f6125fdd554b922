from __future__ import annotations

import pytest

from maps.base_map import BaseLayerError, base_layers, tile_origins


def test_tianditu_has_picture_and_names_in_web_mercator() -> None:
    vector, image = base_layers("0123456789abcdef", None)
    assert [source.url.split("/")[3] for source in vector.tiles] == ["vec_w", "cva_w"]
    assert [source.url.split("/")[3] for source in image.tiles] == ["img_w", "cia_w"]
    assert all(source.max_native_zoom == 18 and len(source.subdomains) == 8 for source in vector.tiles)
    assert len(tile_origins([vector, image])) == 8


def test_layers_of_the_intranet_are_taken() -> None:
    xyz, wmts, own = base_layers(
        None,
        "影像 = http://10.0.0.5/tiles/{z}/{x}/{y}.png; 地形=https://map.example.gov.cn/wmts?"
        "TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol};本机=/tiles/{z}/{x}/{y}",
    )
    assert xyz.name == "影像"
    assert "{z}" in wmts.tiles[0].url
    assert tile_origins([xyz, wmts, own]) == ("http://10.0.0.5", "https://map.example.gov.cn")


@pytest.mark.parametrize(
    ("host", "system"),
    [
        ("webrd0{s}.is.autonavi.com", "GCJ-02"),
        ("wprd01.is.autonavi.com.", "GCJ-02"),
        ("tile.AMAP.com:8080", "GCJ-02"),
        ("rt0.map.gtimg.com", "GCJ-02"),
        ("p0.map.qq.com", "GCJ-02"),
        ("mt0.google.cn", "GCJ-02"),
        ("map.geoq.cn", "GCJ-02"),
        ("maponline0.bdimg.com", "BD-09"),
        ("api.map.baidu.com", "BD-09"),
    ],
)
def test_shifted_maps_are_refused_with_the_reason(host: str, system: str) -> None:
    with pytest.raises(BaseLayerError, match=rf"{system}.*490 米"):
        base_layers(None, f"底图=https://{host}/{{z}}/{{x}}/{{y}}")


def test_the_chinese_edition_of_google_is_refused() -> None:
    with pytest.raises(BaseLayerError, match="GCJ-02"):
        base_layers(None, "卫星=https://mt1.google.com/vt?lyrs=s&gl=CN&x={x}&y={y}&z={z}")


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("http://10.0.0.5/{z}/{x}/{y}", "名称=地址模板"),
        ("影像=http://10.0.0.5/{z}/{x}", "缺少 {y}"),
        ("影像=ftp://10.0.0.5/{z}/{x}/{y}", "开头"),
        ("影像=//10.0.0.5/{z}/{x}/{y}", "开头"),
        ("影像=javascript:{z}{x}{y}", "开头"),
    ],
)
def test_what_is_no_tile_address_is_refused(setting: str, reason: str) -> None:
    with pytest.raises(BaseLayerError, match=reason):
        base_layers(None, setting)


def test_a_key_that_would_change_the_address_is_refused() -> None:
    with pytest.raises(BaseLayerError, match="天地图密钥"):
        base_layers("abc&x=1", None)


def test_without_settings_there_is_only_the_own_map() -> None:
    assert base_layers(None, None) == base_layers(" ", " ; ") == ()
