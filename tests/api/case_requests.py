"""Cases as clients file them and move them: a new case, a step, a whole walk through a flow."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

import httpx

from gis_service.sample.load import COMMUNITY


class Place(NamedTuple):
    """Where a case is found: longitude, latitude, grid."""

    lon: float
    lat: float
    grid: str

    @property
    def next_grid(self) -> str:
        """Another grid of the community."""
        return f"{COMMUNITY}{int(self.grid[12:]) % 6 + 1:03d}"


def new_case(place: Place, **more: Any) -> dict[str, Any]:
    """Return a document that files a case."""
    return {
        "id": str(uuid.uuid4()), "event_code": "X-FS01", "lon": place.lon, "lat": place.lat, "detail": "拉线充电",
        **more,
    }  # fmt: skip


def filed(client: httpx.Client, place: Place, **more: Any) -> dict[str, Any]:
    """File a case; return it."""
    answer = client.post("/cases", json=new_case(place, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(client: httpx.Client, case: dict[str, Any], name: str, **said: Any) -> httpx.Response:
    """Try a step of a case."""
    return client.post(f"/cases/{case['id']}/steps", json={"step": name, **said})


def walk(client: httpx.Client, case: dict[str, Any], *steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Make steps one after the other; return the case after the last."""
    found: dict[str, Any] = {}
    for name, said in steps:
        answer = step(client, case, name, **said)
        assert answer.status_code == 201, answer.text
        found = answer.json()
    return found
