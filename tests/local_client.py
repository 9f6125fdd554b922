"""Clients and applications in this process: where a client pretends to be, and whose, with a token of an account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from gis_service.areas import registered_codes
from gis_service.database import Database
from gis_service.people.accounts import add_account, list_accounts
from gis_service.people.logins import make_token
from gis_service.photos.files import PhotoFiles
from gis_service.scope import Scope
from gis_service.surveys.originals import Originals

LOCAL: dict[str, Any] = {"base_url": "http://localhost", "client": ("127.0.0.1", 50000)}

OPERATOR = Scope("operator", "operator", ())


def token_for(database: Database, *areas: str, role: str = "staff", name: str = "tester") -> str:
    """Return a new token of an account, which is made when it isn't there; without areas it has every community."""
    with database.write(OPERATOR) as conn:
        if not list_accounts(conn, name):
            add_account(conn, name, role, areas or registered_codes(conn) or ("330482",))
        return make_token(conn, name, "test", 1)


def signed_in(database: Database, *areas: str, role: str = "staff", name: str = "tester") -> dict[str, str]:
    """Return the header that a new token of an account is sent in."""
    return {"Authorization": f"Bearer {token_for(database, *areas, role=role, name=name)}"}


def local(database: Database, *areas: str, role: str = "staff", name: str = "tester") -> dict[str, Any]:
    """Return where a test client is and whose it is."""
    return {**LOCAL, "headers": signed_in(database, *areas, role=role, name=name)}


def beside(first: TestClient, database: Database, *areas: str, role: str = "staff", name: str) -> TestClient:
    """Return another account's client of the application that ``first`` has started, which starts only once."""
    second = TestClient(first.app, **local(database, *areas, role=role, name=name))
    second.portal = first.portal
    return second


def app_over(database: Database, folder: Path, **more: Any) -> FastAPI:
    """Return the application over a database, with originals and photos in a folder of the test's own."""
    return create_app(database, originals=Originals(folder / "originals"), photos=PhotoFiles(folder / "photos"), **more)
