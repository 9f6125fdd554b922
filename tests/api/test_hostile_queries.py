"""Hostile values in every parameter of every route that the interface describes: refused or answered, never a 5xx."""

from __future__ import annotations

import random
from urllib.parse import quote

from fastapi.testclient import TestClient

VALUES = (
    "", " ", "0", "-1", "1e309", "-1e400", "nan", "inf", "9" * 400, "0x10", "1_000", "١٢٣", "１２", "true", "null",
    "[]", "\x00", "a\x00b", "\ud7ff", "\uffff", "\u202e", "𠮷" * 50, "'", '"', "';drop table gis.building;--",
    "%", "%s", "%(a)s", ":name", "\\", "{{7*7}}", "<script>", "../../etc/passwd", "..%2f", "x" * 5000,
    ",", ",,,,", "/", "..", "../..",
    "0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00", "2025-02-30",
    "2025-06-01T00:00:00Z/..", "-180,-90,180,90", "1e308,1e308,1e308,1e308", "0,0,0,0", "5e-324,5e-324,5e-324,5e-324",
    "121,30.7,121.01,30.71", "330482002011", "330482002011001", "3304820020119", "330482002011.x", "330482002011.",
    ".", "code", "-code", "+code", "--code", "name,code,-floors", "b2Zmc2V0OjE", "b2Zmc2V0Oi0x", "a2V5Og", "a2V5OngueA",
    "b2Zmc2V0Ojk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", "a2V5OjMzMDQ4MjAwMjAxMS4", "json", "html", "building", "overview",
)  # fmt: skip
HARDEST = ("\x00", "9" * 400, "9" * 12, "9999-12-31", "0001-01-01T00:00:00+14:00", "nan", "²", "x" * 5000)
ASKED_OF_EACH = 12
SEED = 20261123


def test_no_value_makes_the_service_fail(client: TestClient) -> None:
    chance = random.Random(SEED)
    failed = []
    asked = 0
    for path, item in client.get("/api").json()["paths"].items():
        if "/collections/" in path and not path.startswith(("/collections/building", "/collections/facility")):
            # All layers share one programme; these two have every kind of field and geometry between them.
            continue
        if "get" not in item:
            continue
        parameters = item["get"].get("parameters", [])
        places = [one["name"] for one in parameters if one["in"] == "path"]
        queried = [one["name"] for one in parameters if one["in"] == "query"]
        for turn in range(ASKED_OF_EACH if parameters else 1):
            url = path
            for name in places:
                value = HARDEST[turn] if turn < len(HARDEST) else chance.choice(VALUES) or "0"
                url = url.replace("{" + name + "}", quote(value, safe=""))
            chosen = [queried[turn % len(queried)], *chance.sample(queried, k=chance.randint(0, 1))] if queried else []
            pairs = [f"{quote(name)}={quote(chance.choice(VALUES), safe='')}" for name in chosen]
            answer = client.get(url + ("?" + "&".join(pairs) if pairs else ""))
            asked += 1
            problem = answer.headers.get("content-type") == "application/problem+json"
            if answer.status_code >= 500 or (answer.status_code >= 400) != problem:
                failed.append((answer.status_code, url[:120], [pair[:80] for pair in pairs], answer.text[:120]))
    assert failed == []
    assert asked > 250


def test_values_in_every_parameter_of_items(client: TestClient) -> None:
    chance = random.Random(SEED)
    described = client.get("/api").json()["paths"]["/collections/building/items"]["get"]["parameters"]
    failed = []
    for name in (one["name"] for one in described):
        for value in (*HARDEST, *chance.sample(VALUES, 12)):
            answer = client.get(f"/collections/building/items?limit=1&{name}={quote(value, safe='')}")
            if answer.status_code not in {200, 400}:
                failed.append((answer.status_code, name, value[:60], answer.json().get("detail")))
    assert failed == []
