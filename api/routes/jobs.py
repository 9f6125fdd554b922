"""Long work and how far it is."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.dependencies import DatabaseOf, ScopeOf
from api.quick_route import QuickRoute
from gis_service.jobs import read_job
from gis_service.surveys.document import job_document

router = APIRouter(tags=["uploads"], route_class=QuickRoute)


@router.get("/jobs/{job}", summary="一项后台工作进行到哪里", response_class=Response)
def job(job: Annotated[str, Path(description="工作编号")], database: DatabaseOf, scope: ScopeOf) -> Response:
    """Return how far a job is."""
    with database.read(scope) as conn:
        found = read_job(conn, job)
    headers = {"Cache-Control": "private, no-store"}
    return Response(orjson.dumps(job_document(found), default=str), media_type="application/json", headers=headers)
