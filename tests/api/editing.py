"""What tests of writing share: a client on a copy of the sample that may be changed, and features to send."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import shapely
from fastapi.testclient import TestClient
from shapely.geometry import mapping
from sqlalchemy import text

from api.app import create_app
from gis_service.database import Database, connect
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_shape, example_values
from tests.local_client import local, signed_in

GEOJSON = {"content-type": "application/geo+json"}
PATCH = {"content-type": "application/merge-patch+json"}
CRS = "http://www.opengis.net/def/crs/EPSG/0/"
MIDDLE = (121.0045, 30.6995)
"""A place in the sample's community, longitude and latitude in degrees."""


@contextmanager
def editing(cluster: LocalCluster, make_database: Callable[..., str], source: str) -> Iterator[TestClient]:
    """A client on a copy of a database."""
    database: Database = connect(cluster.url("gis_app", make_database(source)))
    with TestClient(create_app(database), raise_server_exceptions=False, **local(database)) as client:
        yield client
    database.close()


@contextmanager
def as_someone(client: TestClient, role: str, *areas: str) -> Iterator[None]:
    """Let the client ask with the token of somebody else."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    before = client.headers["Authorization"]
    name = f"{role.replace('_', '-')}-{'-'.join(areas)}"[:40]
    client.headers.update(signed_in(database, *areas, role=role, name=name))
    yield
    client.headers["Authorization"] = before


def feature_of(of: str, shape: Any = None, /, **given: Any) -> dict[str, Any]:
    """Return a new feature of a layer as GeoJSON, in the middle of the sample's community."""
    layer = LAYERS[of]
    placed = shape if shape is not None else example_shape(layer, *MIDDLE)
    geometry = placed if isinstance(placed, dict) else mapping(placed)
    return {"type": "Feature", "properties": example_values(layer, **given), "geometry": geometry}


def created(client: TestClient, name: str, feature: dict[str, Any], **headers: str) -> str:
    """Add a feature and return its address."""
    answer = client.post(f"/collections/{name}/items", json=feature, headers={**GEOJSON, **headers})
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    """Assert that an answer is a problem document in Chinese that says these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert any("\u4e00" <= sign <= "\u9fff" for sign in detail)
    for word in words:
        assert word in detail, detail


def shape_at(client: TestClient, address: str, crs: str | None = None) -> Any:
    """Return a feature's geometry as it is served, its axes in the order that the service gives them."""
    answer = client.get(address, params={"crs": crs} if crs else {})
    assert answer.status_code == 200, answer.text
    return shapely.geometry.shape(answer.json()["geometry"])


def scalar(client: TestClient, query: str, **values: object) -> Any:
    """Return what SQL says about the client's database, seen by someone who sees the whole community."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    with database.read(Scope("test", "staff", (COMMUNITY,))) as conn:
        return conn.execute(text(query), values).scalar()


def stored_shape(client: TestClient, name: str, address: str) -> bytes:
    """Return a feature's geometry as it lies in the database."""
    key = uuid.UUID(address.rpartition(".")[2])
    return bytes(scalar(client, f"select st_asewkb(geom) from gis.{name} where id = :id", id=key))
