"""Blank forms: a layer's table to be filled in in Excel, and its form for phones."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.conditional import answer_if_changed
from api.dependencies import LayerOf
from api.downloads import attachment
from api.quick_route import QuickRoute
from api.survey_forms import SURVEY_FORMS
from gis_service.exports.formats import XLSX

router = APIRouter(tags=["collections"], route_class=QuickRoute)

FormName = Annotated[
    str, Query(pattern=f"^({'|'.join(SURVEY_FORMS)})$", description="xlsx(空白表格)或 xlsform(手机表单,ODK、Kobo)")
]


@router.get(
    "/collections/{layer}/form", summary="空白表格或手机表单", response_class=Response,
    responses={200: {"content": {XLSX.media_type: {}}}},
)  # fmt: skip
def form(request: Request, layer: LayerOf, f: FormName = "xlsx") -> Response:
    """Return a form with nothing filled in; it depends on the declaration only, so that it stays good to cache."""
    wanted = SURVEY_FORMS[f]
    content = wanted.make(layer)
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"Content-Disposition": attachment(*wanted.file_names(layer))}
    return answer_if_changed(request, tag, lambda: content, XLSX.media_type, headers)
