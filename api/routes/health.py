"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import DatabaseOf

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="进程在运行")
async def healthz() -> dict[str, str]:
    """Answer as long as the process runs; the database isn't asked."""
    return {"status": "ok"}


@router.get("/readyz", summary="可以回答请求")
def readyz(database: DatabaseOf) -> dict[str, str]:
    """Answer when the database answers and has the schema; 503 otherwise."""
    database.ready()
    return {"status": "ready"}
