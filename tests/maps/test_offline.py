from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from gis_service.overview import LayerAnswer, Overview
from layers.registry import LAYERS
from maps.atlas import MAPS
from maps.base_map import base_layers
from maps.offline import outside_references, to_served_page, to_single_file
from maps.overview import draw
from maps.static_files import static_file

Maker = Callable[..., Overview]


def test_the_single_file_refers_to_nothing_outside(make_overview: Maker) -> None:
    html = to_single_file(draw(make_overview()))
    assert outside_references(html) == set()
    assert html.startswith('<!DOCTYPE html>\n<html lang="zh-CN">')
    assert not re.search(r"jquery|bootstrap|font-?awesome|cdn\.|jsdelivr|cloudflare", html, re.IGNORECASE)


def test_both_forms_are_the_same_bytes_each_time(make_overview: Maker) -> None:
    assert to_single_file(draw(make_overview())) == to_single_file(draw(make_overview()))
    page_map = draw(make_overview(inline=False))
    assert to_served_page(page_map) == to_served_page(page_map) == to_served_page(draw(make_overview(inline=False)))


def test_the_served_page_links_own_assets_with_their_version(make_overview: Maker) -> None:
    html = to_served_page(draw(make_overview(inline=False)))
    references = outside_references(html)
    assert references
    for reference in references:
        match = re.fullmatch(r"/static/([\w./-]+)\?v=([0-9a-f]{12})", reference)
        assert match, reference
        assert static_file(match[1]).version == match[2]


def test_what_is_embedded_is_what_the_database_said(make_overview: Maker) -> None:
    overview = make_overview()
    html = to_single_file(draw(overview))
    blocks = dict(re.findall(r'<script type="application/json" id="gis-layer-(\w+)">([^<]*)</script>', html))
    assert list(blocks) == list(LAYERS)
    for answer in overview.layers:
        assert answer.geojson is not None
        assert json.loads(blocks[answer.layer.name]) == json.loads(answer.geojson)


def test_a_single_file_with_tiles_or_fetched_layers_is_refused(make_overview: Maker) -> None:
    tiles = base_layers(None, "影像=http://10.0.0.5/{z}/{x}/{y}")
    with pytest.raises(LookupError, match=r"10\.0\.0\.5"):
        to_single_file(draw(make_overview(), tiles))
    with pytest.raises(LookupError, match="/maps/overview/layers"):
        to_single_file(draw(make_overview(inline=False)))


def test_an_asset_from_elsewhere_is_refused_in_both_forms(make_overview: Maker) -> None:
    for form in (to_single_file, to_served_page):
        page_map = draw(make_overview())
        page_map.add_js_link("d3", "https://cdn.example.com/d3.js")
        with pytest.raises(LookupError, match=r"cdn\.example\.com"):
            form(page_map)
        assert "example" not in to_served_page(draw(make_overview()))


@pytest.mark.parametrize("name", ["../page.py", "map/../../page.py", "nothing.js", "/etc/passwd", "map"])
def test_only_files_of_the_folders_are_handed_out(name: str) -> None:
    with pytest.raises(LookupError, match="不存在"):
        static_file(name)


def test_references_are_found_wherever_they_stand() -> None:
    html = (
        '<link href="a.css"><script src="b.js">"<img src=no.png>"</script><img src="data:image/png;base64,xx">'
        "<style>@import 'x'; p {background: url('c.png')} q {background: url(data:x)}</style><a href='#top'>"
    )
    assert outside_references(html) == {"a.css", "b.js", "c.png", "@import"}


def test_a_community_s_name_is_text(make_overview: Maker) -> None:
    html = to_single_file(draw(make_overview(name="</title><script>alert(1)</script>{{ 7*7 }}")))
    assert "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}一张图</title>" in html
    assert "<script>alert(1)" not in html


def test_a_layer_without_data_and_address_is_refused(make_overview: Maker) -> None:
    overview = make_overview()
    broken = LayerAnswer(LAYERS["building"], 3, None, None)
    with pytest.raises(ValueError, match="楼栋"):
        draw(Overview(**{**overview.__dict__, "layers": (broken,)}))


def test_the_atlas_names_its_maps() -> None:
    assert all(name == entry.name and entry.title and entry.description for name, entry in MAPS.items())
