"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.dependencies import DatabaseOf
from api.quick_route import QuickRoute

router = APIRouter(tags=["health"], route_class=QuickRoute)


@router.get("/healthz", summary="进程在运行")
async def healthz() -> JSONResponse:
    """Answer as long as the process runs; the database isn't asked."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", summary="可以回答请求")
def readyz(database: DatabaseOf) -> JSONResponse:
    """Answer when the database answers and has the schema; 503 otherwise."""
    database.ready()
    return JSONResponse({"status": "ready"})
