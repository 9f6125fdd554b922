"""What the service measures of itself."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.dependencies import DatabaseOf
from api.metrics import CONTENT_TYPE, Metrics
from api.quick_route import QuickRoute
from gis_service.jobs import unfinished

router = APIRouter(tags=["health"], route_class=QuickRoute)


@router.get(
    "/metrics", summary="运行指标(Prometheus)", response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)  # fmt: skip
def metrics(request: Request, database: DatabaseOf) -> Response:
    """Return requests by route and status, their time, unfinished jobs, memory and processor time."""
    found: Metrics = request.app.state.metrics
    text = found.text(unfinished_jobs=len(unfinished(database)))
    return Response(text, media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
