"""A valid request for each operation of cases, visits and edits of phones, about somebody else's case or home."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image

from gis_service.cases.figures import BY
from gis_service.cases.listing import KINDS
from layers.catalog.hazard import HazardStatus
from layers.flows import FLOWS
from tests.api.drawing import Call, Drawing, Known
from tests.gis_service.photo_samples import saved

EVENTS = ("X-FS01", "X-FS03", "05-05", "X-IN04")
_STEPS = sorted({step.name for flow in FLOWS.values() for step in flow.steps})
_SAID = {
    "note": "现场已看", "handler": "网格岗", "department": "fire", "due_on": "2099-01-01", "level": "01",
    "main_code": "none", "reference": "12 号",
}  # fmt: skip
_VISITED = ("rental_unit", "enterprise", "waste_point", "hazard", "building")


@cache
def photo_bytes() -> bytes:
    """Return a photo."""
    return saved(Image.new("RGB", (64, 48), (200, 30, 30)), "JPEG")


def _identifier(drawing: Drawing) -> str:
    # Drawn, so that what is written twice is written under one name.
    return str(uuid.UUID(int=drawing.random.getrandbits(128), version=4))


def _name(drawing: Drawing, at: Known) -> str:
    return f"{drawing.community}.{drawing.random.choice((at.id, at.code))}"


def _new_case(drawing: Drawing) -> dict[str, Any]:
    at = drawing.known()
    more = drawing.some(detail="楼道里充电", rental_code=drawing.known("rental_unit").code, level="suspected")
    return {
        "id": _identifier(drawing), "event_code": drawing.random.choice(EVENTS), "lon": at.lon, "lat": at.lat,
        "register": drawing.random.random() < 0.5, **more,
    }  # fmt: skip


def _step(drawing: Drawing) -> dict[str, Any]:
    return {"step": drawing.random.choice(_STEPS), "id": _identifier(drawing), **drawing.some(**_SAID)}


def _visit(drawing: Drawing) -> dict[str, Any]:
    kind = drawing.random.choice(_VISITED)
    found = drawing.random.choice(({}, {"changes": {"remark": "门牌已换"}, "base": 1}))
    outcome = drawing.random.choice(("01", "02", "03"))
    return {
        "id": _identifier(drawing), "target_kind": kind, "target_code": drawing.known(kind).code, "outcome": outcome,
        **found,
    }  # fmt: skip


def _edit(drawing: Drawing) -> dict[str, Any]:
    unit, at = drawing.known("rental_unit"), drawing.known("hazard")
    kind, body = drawing.random.choice((
        ("case", _new_case(drawing)), ("visit", _visit(drawing)),
        ("step", {**_step(drawing), "case": _name(drawing, at)}),
        ("change", {"layer": "rental_unit", "feature": _name(drawing, unit), "base": 1,
                    "properties": {"remark": "已核对"}}),
        ("feature", {"layer": "waste_point", "properties": {"code": f"N{drawing.random.randint(1, 10**9)}",
                                                            "kind": "timed"},
                     "geometry": {"type": "Point", "coordinates": [at.lon, at.lat]}}),
    ))  # fmt: skip
    return {
        "id": _identifier(drawing), "kind": kind, "made_at": "2026-11-30T09:30:00+08:00",
        "body": {name: value for name, value in body.items() if name != "id"},
    }  # fmt: skip


def _cases(drawing: Drawing, call: Call) -> Call:
    at = drawing.known("hazard")
    return Call(call.operation, call.method, call.path, {
        "kind": drawing.random.choice(KINDS),
        **drawing.some(community=drawing.community, grid=at.grid or drawing.grids[0], q=at.code[:4],
                       status=",".join(drawing.random.sample(list(HazardStatus), 3)), flow="community",
                       level="01,suspected", event=",".join(EVENTS[:2]), since="2026-01-01", limit=1000),
    })  # fmt: skip


def _similar(drawing: Drawing, call: Call) -> Call:
    at = drawing.known("hazard")
    place = {"lon": f"{at.lon:.6f}", "lat": f"{at.lat:.6f}", "event": drawing.random.choice(EVENTS)}
    return Call(call.operation, call.method, call.path, place)


def _figures(drawing: Drawing, call: Call) -> Call:
    more = drawing.some(since="2026-01-01", until="2026-12-31", on="2026-11-30", community=drawing.community)
    return Call(call.operation, call.method, call.path, {"by": drawing.random.choice(BY), **more})


def _of_case(drawing: Drawing, call: Call) -> Call:
    at = drawing.known("hazard")
    body = _step(drawing) if call.method == "POST" else None
    path = call.path.replace("{case}", _name(drawing, at)).replace("{photo}", at.id)
    return Call(call.operation, call.method, path, json=body)


def _batch(drawing: Drawing, call: Call) -> Call:
    names = [_name(drawing, drawing.known("hazard")) for _ in range(3)]
    return Call(call.operation, call.method, call.path, json={"cases": names, "step": _step(drawing)})


def _photo(drawing: Drawing, call: Call) -> Call:
    params = {"case": _name(drawing, drawing.known("hazard")), "id": _identifier(drawing),
              **drawing.some(stage="after")}  # fmt: skip
    return Call(call.operation, call.method, call.path, params, None, {"Content-Type": "image/jpeg"}, None,
                photo_bytes())  # fmt: skip


def _edits(drawing: Drawing, call: Call) -> Call:
    more = drawing.some(state="conflict", community=drawing.community, limit=10)
    return Call(call.operation, call.method, call.path, more)


def _waste(drawing: Drawing, call: Call) -> Call:
    more = drawing.some(by="month", since="2026-01-01", until="2026-12-31", community=drawing.community)
    return Call(call.operation, call.method, call.path, more)


def _sends(make: Callable[[Drawing], Any]) -> Callable[[Drawing, Call], Call]:
    return lambda drawing, call: Call(call.operation, call.method, call.path, json=make(drawing))


MAKERS: dict[str, Callable[[Drawing, Call], Call]] = {
    "GET /flows": lambda _drawing, call: call,
    "GET /field": lambda _drawing, call: call,
    "GET /field/start": lambda drawing, call: Call(
        call.operation, call.method, call.path, drawing.some(community=drawing.community)
    ),
    "GET /field.webmanifest": lambda _drawing, call: call,
    "GET /field.worker.js": lambda _drawing, call: call,
    "GET /cases": _cases,
    "POST /cases": _sends(_new_case),
    "GET /cases/similar": _similar,
    "GET /cases/figures": _figures,
    "POST /cases/steps": _batch,
    "GET /cases/{case}": _of_case,
    "GET /cases/{case}/report": _of_case,
    "POST /cases/{case}/steps": _of_case,
    "POST /photos": _photo,
    "GET /cases/{case}/photos/{photo}": _of_case,
    "POST /visits": _sends(_visit),
    "GET /visits/refusals": lambda drawing, call: Call(
        call.operation, call.method, call.path, drawing.some(on="2026-11-30", community=drawing.community)
    ),
    "GET /visits/waste": _waste,
    "POST /sync": _sends(lambda drawing: {"device": "手机", "edits": [_edit(drawing) for _ in range(5)]}),
    "GET /sync/edits": _edits,
    "POST /sync/edits/{edit}": lambda drawing, call: Call(
        call.operation, call.method, call.path.replace("{edit}", drawing.known("hazard").id), json={"take": "mine"}
    ),
}
"""Requests by operation, as ``tests.api.every_operation`` names them."""
