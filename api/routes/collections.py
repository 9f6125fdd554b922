"""The collections: every layer with its extent, reference systems and links (OGC API Common 2, Features 1 and 2)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.dependencies import ExtentsOf, FormatParameter, LayerOf, ScopeOf
from api.formats import FILES
from api.links import GEOJSON, HTML, JSON, MVT, OGC_REL, SCHEMA_TYPE, base_url, both_forms, link, wants_html
from api.quick_route import QuickRoute
from api.routes.pages import answer_in_form
from api.survey_forms import SURVEY_FORMS
from api.tile_matrix import NAME
from gis_service.exports.formats import XLSX
from gis_service.features.extents import Extent
from gis_service.reference_systems import CRS84, SERVED, STORED
from layers.layer import Layer
from layers.registry import LAYERS
from maps.layers_page import LayerEntry, layers_page

router = APIRouter(tags=["collections"], route_class=QuickRoute)

_TWO_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: {}, HTML: {}}}}
_SYSTEMS = [system.uri for system in SERVED]


@router.get("/collections", summary="图层清单", response_class=Response, responses=_TWO_FORMS)
async def collections(request: Request, extents: ExtentsOf, scope: ScopeOf, f: FormatParameter = None) -> Response:
    """List every layer."""
    base = base_url(request)
    if wants_html(request, f):
        page = layers_page("图层清单", f"{base}/", f"{base}/collections?f=json", _by_group(base))
        return HTMLResponse(page, headers={"Vary": "Accept"})
    layers = list(LAYERS.values())
    found = await extents.read(scope, layers)
    described = [_describe(base, layer, extent) for layer, extent in zip(layers, found, strict=True)]
    for one in described:
        one["links"][:0] = both_forms(f"{base}/collections/{one['id']}", one["title"], html=False)
    document = {"crs": _SYSTEMS, "collections": described}
    return answer_in_form(request, f, f"{base}/collections", "图层清单", document)


@router.get("/collections/{layer}", summary="一个图层", response_class=Response, responses=_TWO_FORMS)
async def collection(
    request: Request, layer: LayerOf, extents: ExtentsOf, scope: ScopeOf, f: FormatParameter = None
) -> Response:
    """Describe one layer."""
    base = base_url(request)
    described = _describe(base, layer, await extents.around(scope, [layer]))
    return answer_in_form(request, f, f"{base}/collections/{layer.name}", layer.title, described)


def _by_group(base: str) -> dict[str, list[LayerEntry]]:
    """Return the layers by their group, in the order of the registry, with the addresses of their pages and files."""
    found: dict[str, list[LayerEntry]] = {}
    for layer in LAYERS.values():
        here = f"{base}/collections/{layer.name}"
        links = {"说明": f"{here}?f=html", "字段": f"{here}/schema?f=html"}
        links |= {form.title: f"{here}/items?f={name}" for name, form in FILES.items()}
        links |= {form.title: f"{here}/form?f={name}" for name, form in SURVEY_FORMS.items()}
        entry = LayerEntry(layer.title, layer.summary, f"{here}/items?f=html", links)
        found.setdefault(layer.group, []).append(entry)
    return found


def _describe(base: str, layer: Layer, extent: Extent | None) -> dict[str, Any]:
    here, title = f"{base}/collections/{layer.name}", layer.title
    template = f"{here}/tiles/{NAME}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    return {
        "id": layer.name,
        "title": title,
        "description": layer.summary,
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(extent or (-180.0, -90.0, 180.0, 90.0))], "crs": CRS84.uri}},
        "crs": _SYSTEMS,
        "storageCrs": STORED.uri,
        "links": [
            link(f"{here}/items", "items", GEOJSON, f"{title}的要素"),
            link(f"{here}/items?f=html", "items", HTML, f"{title}的要素(网页)"),
            *(
                link(f"{here}/items?f={name}", "items", form.media_type, f"{title}的要素({form.title})")
                for name, form in FILES.items()
            ),
            *(
                link(f"{here}/form?f={name}", "create-form", XLSX.media_type, f"{title}的{form.title}")
                for name, form in SURVEY_FORMS.items()
            ),
            link(f"{here}/schema", "describedby", SCHEMA_TYPE, f"{title}的字段"),
            link(f"{here}/schema", f"{OGC_REL}schema", SCHEMA_TYPE, f"{title}的字段"),
            link(f"{here}/queryables", f"{OGC_REL}queryables", SCHEMA_TYPE, f"{title}可以查询的属性"),
            link(f"{here}/sortables", f"{OGC_REL}sortables", SCHEMA_TYPE, f"{title}可以排序的属性"),
            link(f"{here}/tiles", f"{OGC_REL}tilesets-vector", JSON, f"{title}的瓦片集"),
            {**link(template, "item", MVT, f"{title}的矢量瓦片"), "templated": True},
        ],
    }
