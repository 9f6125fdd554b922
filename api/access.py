"""Who may call what: one rule for each route, as data. :mod:`api.admission` reads it before any route runs.

A route without a rule can't be made, so the service doesn't start with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gis_service.people.roles import Right


@dataclass(frozen=True)
class Rule:
    """Who may call a route.

    Attributes
    ----------
    login
        Whether somebody must be logged in at all.
    right
        What their role must be allowed to do; None for everybody who is logged in.
    changes
        Whether the route changes something, which read-only logins may not.
    session_only
        Whether a token isn't enough: what concerns logins themselves is for people at a browser.
    asks
        Whether the route always asks the database within the scope, which finds a login that has ended; for the
        others that is asked beforehand.
    """

    login: bool = True
    right: Right | None = None
    changes: bool = False
    session_only: bool = False
    asks: bool = False


OPEN = Rule(login=False)
KNOWN = Rule()
OWN = Rule(session_only=True)
LOOK = Rule(right=Right.READ)
ASK = Rule(right=Right.READ, asks=True)
WRITE = Rule(right=Right.WRITE, changes=True)
MEASURE = Rule(right=Right.METRICS)
PERSONAL = Rule(right=Right.PERSONAL, asks=True)
ASK_WHY = Rule(right=Right.PERSONAL, changes=True)
UPLOAD = Rule(right=Right.UPLOAD, asks=True)
SEND = Rule(right=Right.UPLOAD, changes=True)
ADMINISTER = Rule(right=Right.ACCOUNTS, session_only=True, asks=True)
CHECK = Rule(right=Right.AUDIT, asks=True)
APPOINT = Rule(right=Right.ACCOUNTS, session_only=True, changes=True)
MAKE = Rule(right=Right.READ, changes=True)
VIEW_AS = Rule(right=Right.VIEW_AS, session_only=True)

_LAYER, _ITEMS = "/collections/{layer}", "/collections/{layer}/items"
_SET = "tiles/WebMercatorQuad"
_TILE = f"{_SET}/{{zoom}}/{{row}}/{{column}}"

RULES: Mapping[str, Rule] = MappingProxyType({
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /static/{name:path}": OPEN,
    "GET /login": OPEN,
    "POST /login": OPEN,
    "POST /logout": OPEN,
    "GET /trust": OPEN,
    "GET /authority.crt": OPEN,
    "GET /account": OWN,
    "POST /account/password": OWN,
    "POST /account/tokens": OWN,
    "POST /account/logins/{login}/revoke": OWN,
    "POST /account/view-as": VIEW_AS,
    "POST /account/view-as/end": OWN,
    "GET /accounts": ADMINISTER,
    "POST /accounts": APPOINT,
    "GET /accounts/{name}": ADMINISTER,
    "POST /accounts/{name}": APPOINT,
    "POST /accounts/{name}/password": APPOINT,
    "POST /accounts/{name}/areas": APPOINT,
    "POST /accounts/{name}/areas/{area}/end": APPOINT,
    "POST /accounts/{name}/substitute": APPOINT,
    "POST /accounts/{name}/reassign": APPOINT,
    "GET /audit": CHECK,
    "GET /metrics": MEASURE,
    "GET /": KNOWN,
    "GET /conformance": KNOWN,
    "GET /api": KNOWN,
    "GET /api.html": KNOWN,
    "GET /tileMatrixSets": KNOWN,
    "GET /tileMatrixSets/{name}": KNOWN,
    "GET /nearby": ASK,
    "GET /at": ASK,
    "GET /within": ASK,
    "POST /within": ASK,
    "GET /along": ASK,
    "POST /along": ASK,
    "GET /summary": ASK,
    "GET /search": ASK,
    "GET /calendar/{year}": ASK,
    "GET /today": ASK,
    "GET /today/coverage": ASK,
    f"GET /{_TILE}": ASK,
    f"GET {_LAYER}/{_TILE}": ASK,
    f"GET {_ITEMS}": ASK,
    f"GET {_ITEMS}/{{feature}}": ASK,
    f"GET {_ITEMS}/{{feature}}/versions": ASK,
    f"GET {_ITEMS}/{{feature}}/personal": PERSONAL,
    f"POST {_ITEMS}/{{feature}}/personal": ASK_WHY,
    f"POST {_ITEMS}": WRITE,
    f"PUT {_ITEMS}/{{feature}}": WRITE,
    f"PATCH {_ITEMS}/{{feature}}": WRITE,
    f"DELETE {_ITEMS}/{{feature}}": WRITE,
    f"OPTIONS {_ITEMS}": LOOK,
    f"OPTIONS {_ITEMS}/{{feature}}": LOOK,
    # They answer 405 with what there is.
    f"PUT {_ITEMS}": LOOK,
    f"PATCH {_ITEMS}": LOOK,
    f"DELETE {_ITEMS}": LOOK,
    f"POST {_ITEMS}/{{feature}}": LOOK,
    "GET /collections": LOOK,
    f"GET {_LAYER}": LOOK,
    f"GET {_LAYER}/schema": LOOK,
    f"GET {_LAYER}/queryables": LOOK,
    f"GET {_LAYER}/sortables": LOOK,
    f"GET {_LAYER}/form": LOOK,
    "GET /tiles": LOOK,
    f"GET {_LAYER}/tiles": LOOK,
    f"GET /{_SET}": LOOK,
    f"GET {_LAYER}/{_SET}": LOOK,
    f"GET /{_SET}/tilejson.json": LOOK,
    f"GET {_LAYER}/{_SET}/tilejson.json": LOOK,
    "GET /maps": LOOK,
    "GET /maps/{name}": LOOK,
    "GET /maps/{name}/file": LOOK,
    "GET /maps/overview/layers/{layer}": ASK,
    "GET /exports": ASK,
    "POST /exports": MAKE,
    "GET /exports/{export}": ASK,
    "GET /exports/{export}/file": ASK,
    "GET /exports/{export}/preview": ASK,
    "POST /exports/{export}/delete": MAKE,
    "GET /changes": LOOK,
    "GET /desk": ASK,
    "GET /field": LOOK,
    "GET /field/start": ASK,
    "GET /field.webmanifest": OPEN,
    "GET /field.worker.js": OPEN,
    "GET /flows": LOOK,
    "GET /cases": ASK,
    "POST /cases": WRITE,
    "GET /cases/similar": ASK,
    "GET /cases/figures": ASK,
    "POST /cases/steps": WRITE,
    "GET /cases/{case}": ASK,
    "GET /cases/{case}/report": ASK,
    "POST /cases/{case}/steps": WRITE,
    "POST /photos": WRITE,
    "GET /cases/{case}/photos/{photo}": ASK,
    "GET /visits/refusals": ASK,
    "GET /visits/waste": ASK,
    "POST /visits": WRITE,
    "POST /sync": WRITE,
    "GET /sync/edits": ASK,
    "POST /sync/edits/{edit}": WRITE,
    "GET /analyses": LOOK,
    "GET /analyses/{name}": LOOK,
    "GET /uploads": UPLOAD,
    "POST /uploads": SEND,
    "GET /uploads/{upload}": UPLOAD,
    "DELETE /uploads/{upload}": SEND,
    "POST /uploads/{upload}/answers": SEND,
    "POST /uploads/{upload}/commit": SEND,
    "POST /uploads/{upload}/revert": SEND,
    "GET /uploads/{upload}/rows": UPLOAD,
    "PATCH /uploads/{upload}/rows/{row}": SEND,
    "GET /uploads/{upload}/changes": UPLOAD,
    "GET /uploads/{upload}/workbook": UPLOAD,
    "GET /uploads/{upload}/map": UPLOAD,
    "GET /jobs/{job}": UPLOAD,
})  # fmt: skip
"""By method and path, as the route declares it."""


def rule_of(methods: set[str], path: str) -> dict[str, Rule]:
    """Return the rule of each method of a route; LookupError where one has none."""
    missing = [f"{method} {path}" for method in methods if f"{method} {path}" not in RULES]
    if missing:
        raise LookupError(f"no rule in api/access.py says who may call {missing[0]}")
    return {method: RULES[f"{method} {path}"] for method in methods}
