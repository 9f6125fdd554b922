"""Optional tiles under the map: Tianditu, or an XYZ or WMTS service of the intranet; never in shifted coordinates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


class BaseLayerError(Exception):
    """A base layer can't be used as it is set; the message is one Chinese sentence that says how to mend it."""


@dataclass(frozen=True)
class TileSource:
    """Tiles in Web Mercator.

    Attributes
    ----------
    url
        Leaflet template with ``{z}``, ``{x}``, ``{y}`` and, with subdomains, ``{s}``.
    subdomains
        Names that take turns in ``{s}``.
    max_native_zoom
        Deepest zoom the server has; beyond it tiles are enlarged.
    """

    url: str
    subdomains: tuple[str, ...] = ()
    max_native_zoom: int = 18


@dataclass(frozen=True)
class BaseLayer:
    """One choice of base map: a title, its tiles from the lowest up, and whose they are."""

    name: str
    tiles: tuple[TileSource, ...]
    attribution: str = ""


# Maps of these hosts are drawn in GCJ-02 or BD-09. A map served on under another name can't be recognised.
_SHIFTED = (
    (re.compile(r"(^|\.)(autonavi|amap|gaode)\.com$"), "高德地图", "GCJ-02"),
    (re.compile(r"(^|\.)(qq|gtimg|tencent|myqcloud)\.com$"), "腾讯地图", "GCJ-02"),
    (re.compile(r"(^|\.)google(apis)?\.cn$"), "谷歌中国地图", "GCJ-02"),
    (re.compile(r"(^|\.)geoq\.cn$"), "智图 GeoQ", "GCJ-02"),
    (re.compile(r"(^|\.)(baidu|bdimg|bdstatic|baidubce)\.com$"), "百度地图", "BD-09"),
)
_WMTS_NAMES = {"{TileMatrix}": "{z}", "{TileCol}": "{x}", "{TileRow}": "{y}"}


def base_layers(tianditu_key: str | None, listed: str | None) -> tuple[BaseLayer, ...]:
    """Return the base layers the settings ask for.

    Parameters
    ----------
    tianditu_key
        Key of Tianditu; it is sent to every browser, so use one bound to the service's address.
    listed
        ``名称=模板`` items divided by ``;`` or line ends.

    Raises
    ------
    BaseLayerError
        When a template is no tile address, or its tiles are shifted (GCJ-02, BD-09).
    """
    tianditu = _tianditu(tianditu_key.strip()) if tianditu_key and tianditu_key.strip() else ()
    items = [item.strip() for item in re.split(r"[;\uff1b\n]", listed or "") if item.strip()]
    return (*tianditu, *(_listed_layer(item) for item in items))


def tile_origins(layers: Sequence[BaseLayer]) -> tuple[str, ...]:
    """Return the origins the tiles come from, for the ``img-src`` of a Content-Security-Policy."""
    found: dict[str, None] = {}
    for source in (source for layer in layers for source in layer.tiles):
        for subdomain in source.subdomains or ("",):
            parts = urlsplit(source.url.replace("{s}", subdomain))
            if parts.netloc:
                found[f"{parts.scheme}://{parts.netloc}"] = None
    return tuple(found)


def _tianditu(key: str) -> tuple[BaseLayer, ...]:
    """Tianditu is drawn in CGCS2000: no shift against the layers. Picture and names are two services each."""
    if not re.fullmatch(r"[0-9A-Za-z]{8,64}", key):
        raise BaseLayerError("天地图密钥 GIS_TIANDITU_KEY 只能由字母和数字组成;请到天地图控制台复制浏览器端密钥")

    def source(layer: str) -> TileSource:
        return TileSource(
            url=(
                f"https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}"
                f"&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
            ),
            subdomains=tuple("01234567"),
        )

    return (
        BaseLayer("天地图矢量", (source("vec"), source("cva")), "底图 © 天地图"),
        BaseLayer("天地图影像", (source("img"), source("cia")), "底图 © 天地图"),
    )


def _listed_layer(item: str) -> BaseLayer:
    name, separator, url = item.partition("=")
    name, url = name.strip(), url.strip()
    if not separator or not name or not url:
        example = "影像=http://10.0.0.5/tiles/{z}/{x}/{y}.png"
        raise BaseLayerError(f"底图 {item!r} 应写成 名称=地址模板,例如 {example}")
    for wmts, xyz in _WMTS_NAMES.items():
        url = url.replace(wmts, xyz)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} and not (url.startswith("/") and not url.startswith("//")):
        raise BaseLayerError(f"底图 {name} 的地址应以 http://、https:// 或 / 开头")
    missing = [mark for mark in ("{z}", "{x}", "{y}") if mark not in url]
    if missing:
        raise BaseLayerError(
            f"底图 {name} 的地址模板缺少 {'、'.join(missing)};"
            "XYZ 用 {z}、{x}、{y},WMTS 用 {TileMatrix}、{TileCol}、{TileRow}"
        )
    _refuse_shifted(name, url)
    subdomains = tuple("abc") if "{s}" in url else ()
    return BaseLayer(name, (TileSource(url, subdomains),))


def _refuse_shifted(name: str, url: str) -> None:
    parts = urlsplit(url.replace("{s}", "0"))
    host = (parts.hostname or "").rstrip(".")
    for pattern, owner, system in _SHIFTED:
        if pattern.search(host):
            raise BaseLayerError(_shifted_sentence(name, owner, system))
    if re.search(r"(^|\.)google(apis)?\.com$", host) and "gl=cn" in parts.query.lower():
        raise BaseLayerError(_shifted_sentence(name, "谷歌中国版地图", "GCJ-02"))


def _shifted_sentence(name: str, owner: str, system: str) -> str:
    return (
        f"底图 {name} 来自{owner},坐标系是 {system},与 CGCS2000 图层相差约 490 米,不能叠加;"
        "请改用天地图或内网的 CGCS2000 底图"
    )
