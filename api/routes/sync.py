"""What phones did without a signal: taken in here, in their order, each answered; and what waits for a decision."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CommunityParameter, DatabaseOf, ScopeOf
from api.documents import JSON, DocumentOf, body_of, told
from api.quick_route import QuickRoute
from api.turns import Shares
from gis_service.areas import area_named
from gis_service.documents_sent import read_document
from gis_service.features.allowed import community_for
from gis_service.sync.edits import MOST, Sent, decide, list_edits, take_edits

EDIT_SECONDS: Final = 0.01
"""What an edit takes at least; what can't be taken in time needn't be read, looked up and locked either."""

router = APIRouter(prefix="/sync", tags=["sync"], route_class=QuickRoute)


class Decision(BaseModel):
    """``mine`` writes what the phone brought, ``present`` leaves what is stored."""

    model_config = ConfigDict(extra="forbid")

    take: Annotated[str, Field(max_length=20)]


@router.post("", summary="终端离线时做的改动,按先后提交", response_class=Response, responses=JSON,
             openapi_extra=body_of(Sent))  # fmt: skip
async def sync(
    request: Request, database: DatabaseOf, scope: ScopeOf, document: DocumentOf, community: CommunityParameter = None
) -> Response:
    """Write each edit or keep it for a person; an edit that is sent again is answered as before.

    While many wait, only the first edits of a message are taken; what isn't among the results is to be sent again.
    """

    def take(seconds: float) -> Response:
        given = read_document(Sent, _first(document, seconds))
        given.refuse_other(scope)
        place = community_for(scope, community)
        outcomes = take_edits(database, scope, place, given.edits, given.device, seconds)
        return told({"community": place, "results": [
            {"id": one.id, "state": one.state, "result": one.result, "problem": one.problem} for one in outcomes
        ]})  # fmt: skip

    syncs: Shares = request.app.state.syncs
    return await syncs.run(take)


def _first(document: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return a message with those of its edits that may be taken in so many seconds; at least one of them."""
    edits = document.get("edits")
    if not isinstance(edits, list) or len(edits) > MOST:
        return document
    return {**document, "edits": edits[: max(1, int(seconds / EDIT_SECONDS))]}


@router.get("/edits", summary="终端提交的改动:待决定的冲突", response_class=Response, responses=JSON)
def edits(
    database: DatabaseOf, scope: ScopeOf, community: CommunityParameter = None,
    state: Annotated[
        str | None, Query(pattern="^(applied|conflict|settled|dropped)$", description="只看一种状态")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="最多几条")] = 200,
) -> Response:  # fmt: skip
    """Return what phones have sent, the latest first."""
    with database.read(scope) as conn:
        area = area_named(conn, community)
        return told({"community": area.code, "edits": list_edits(conn, area.code, state, limit)})


@router.post("/edits/{edit}", summary="决定一条冲突:采用终端的,或保留现在的", response_class=Response, responses=JSON,
             openapi_extra=body_of(Decision))  # fmt: skip
def settle(
    database: DatabaseOf, scope: ScopeOf, document: DocumentOf,
    edit: Annotated[uuid.UUID, Path(description="改动的标识")], community: CommunityParameter = None,
) -> Response:  # fmt: skip
    """Decide about an edit that waits."""
    given = read_document(Decision, document)
    outcome = decide(database, scope, community_for(scope, community), edit, given.take)
    return told({"id": outcome.id, "state": outcome.state, "result": outcome.result})
