"""Personal fields: masked by default, whole for a reason that is kept, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.api.every_operation import Caller, operations_of, read_known, send
from tests.api.test_own_area import told
from tests.local_client import app_over, local

NAME, PHONE = "欧阳锋芒", "13812345678"
OWN, OTHER = f"{COMMUNITY}001", f"{COMMUNITY}003"
MERGE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def app(copied: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return app_over(copied, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def unit(copied_superuser: Engine) -> str:
    """The address of a rental unit of the first grid."""
    with copied_superuser.connect() as conn:
        found = conn.execute(
            text(f"select id from gis.rental_unit where grid = '{OWN}' order by id limit 1")
        ).scalar_one()
    return f"/collections/rental_unit/items/{COMMUNITY}.{found}"


def person(app: FastAPI, database: Database, role: str, *areas: str) -> TestClient:
    name = f"{role.replace('_', '-')}-{areas[0][-3:]}"
    return TestClient(app, follow_redirects=False, **local(database, *areas, role=role, name=name))


@pytest.fixture(scope="module")
def kept(app: FastAPI, copied: Database, unit: str) -> str:
    """The same address, with a landlord's name and phone behind it."""
    with person(app, copied, "grid_worker", OWN) as worker:
        given = {"landlord_name": NAME, "landlord_phone": PHONE}
        assert worker.post(f"{unit}/personal", json=given).status_code == 204
    return unit


def test_they_are_masked_until_somebody_says_why(
    app: FastAPI, copied: Database, copied_superuser: Engine, kept: str
) -> None:
    with person(app, copied, "grid_worker", OWN) as worker:
        assert worker.get(f"{kept}/personal").json() == {"landlord_name": "欧***", "landlord_phone": "138****5678"}
        page = worker.get(f"{kept}/personal?f=html")
        assert "欧***" in page.text
        assert PHONE not in page.text
        assert page.headers["cache-control"] == "no-store"
        for reason in ("", "   ", "abc", "x" * 201):
            assert worker.post(f"{kept}/personal", json={"reason": reason}).status_code == 400
        whole = worker.post(f"{kept}/personal", json={"reason": "核对出租合同"})
        assert whole.json() == {"landlord_name": NAME, "landlord_phone": PHONE}
        shown = worker.post(f"{kept}/personal", data={"reason": "核对出租合同"}, headers={"Accept": "text/html"})
        assert NAME in shown.text
    with copied_superuser.connect() as conn:
        query = 'select actor, entries from gis.audit where entries @> \'[{"operation": "read"}]\' order by at'
        rows = conn.execute(text(query)).all()
    identifier = kept.rpartition(".")[2]
    assert [row.actor for row in rows] == ["grid-worker-001"] * 2
    for row in rows:
        (entry,) = row.entries
        assert (entry["subject"], entry["key"], entry["detail"]) == ("rental_unit_personal", identifier, "核对出租合同")


@pytest.mark.parametrize(
    ("role", "area", "status"),
    [("grid_worker", OTHER, 404), ("surveyor", COMMUNITY, 403), ("leader", COMMUNITY, 403), ("liaison", COMMUNITY, 403),
     ("admin", COMMUNITY, 403), ("auditor", COMMUNITY, 403)],
)  # fmt: skip
def test_whoever_may_not_gets_neither_values_nor_a_sign_of_them(
    app: FastAPI, copied: Database, kept: str, role: str, area: str, status: int
) -> None:
    with person(app, copied, role, area) as somebody:
        answers = [somebody.get(f"{kept}/personal")]
        answers += [
            somebody.post(f"{kept}/personal", json=sent) for sent in ({"reason": "想看一看"}, {"landlord_name": "x"})
        ]
    for answer in answers:
        assert answer.status_code == status
        assert "欧" not in answer.text


def test_a_layer_without_personal_fields_has_none(app: FastAPI, copied: Database, kept: str) -> None:
    with person(app, copied, "staff", COMMUNITY) as staff:
        assert staff.get(f"{kept}/personal").status_code == 200
        assert staff.get("/collections/waste_point/items/330482002011.LJ002/personal").status_code == 404


def test_the_database_itself_keeps_them_from_everybody_else(
    copied: Database, copied_superuser: Engine, kept: str
) -> None:
    identifier = kept.rpartition(".")[2]
    calls = [
        f"select gis.personal_{which}('rental_unit', :c, :i{more})"
        for which, more in (("masked", ""), ("whole", ", '核对出租合同'"), ("written", ", '{}'"))
    ]
    others = [("leader", (COMMUNITY,)), ("grid_worker", (OTHER,)), ("grid_worker", ()), ("staff", ("330482002012",))]
    for role, areas in others:
        for call in calls:
            with copied.write(Scope("x", role, areas)) as conn:
                assert not conn.execute(text(call), {"c": COMMUNITY, "i": identifier}).scalar(), (role, call)
    with copied.write(Scope("x", "staff", (COMMUNITY,))) as conn:
        for call in (calls[1].replace("核对出租合同", "  x "), calls[0].replace("rental_unit", "no_such"),
                     calls[0].replace("rental_unit", "waste_point")):  # fmt: skip
            assert conn.execute(text(call), {"c": COMMUNITY, "i": identifier}).scalar() is None
    for statement in ("select * from gis.rental_unit_personal", "delete from gis.rental_unit_personal",
                      "update gis.rental_unit_personal set landlord_name = 'x'"):  # fmt: skip
        with (
            pytest.raises(Exception, match="permission denied"),
            copied.write(Scope("x", "operator", ("330482",))) as conn,
        ):
            conn.execute(text(statement))
    with copied_superuser.connect() as conn:
        assert conn.execute(text("select landlord_name from gis.rental_unit_personal")).scalars().all() == [NAME]


def test_values_that_do_not_fit_are_refused(app: FastAPI, copied: Database, kept: str) -> None:
    with person(app, copied, "grid_worker", OWN) as worker:
        for wrong in ({"landlord_phone": "not a number"}, {"landlord_name": "x" * 61}, {"id_card": "1"},
                      {"landlord_name": 7.5}):  # fmt: skip
            answer = worker.post(f"{kept}/personal", json=wrong)
            assert answer.status_code == 400, wrong
        assert worker.get(f"{kept}/personal").json()["landlord_phone"] == "138****5678"


@pytest.mark.usefixtures("kept")
def test_no_other_operation_gives_them(
    app: FastAPI, copied: Database, copied_superuser: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(COMMUNITY, read_known(copied_superuser, COMMUNITY), 5)
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False, **local(copied, COMMUNITY))
    with client as staff:
        for operation in [one for one in operations_of(app) if one.startswith(("GET", "OPTIONS"))] * 2:
            said: Any = told(send(staff, caller.call(operation)), written=False)
            for secret in (NAME, PHONE):
                assert secret.encode() not in said[2], operation
                assert secret not in json.dumps(said[1], ensure_ascii=False), operation
    assert NAME not in capfd.readouterr().out
    with copied_superuser.connect() as conn:
        for table in (*(f"{name}_history" for name in LAYERS), "audit", "upload", "proposal", "rental_unit"):
            found = text(f"select count(*) from gis.{table} t where to_jsonb(t)::text like :phone")
            assert conn.execute(found, {"phone": f"%{PHONE}%"}).scalar() == 0, table


def test_they_go_with_the_feature_and_by_themselves(app: FastAPI, copied: Database, copied_superuser: Engine) -> None:
    with person(app, copied, "staff", COMMUNITY) as staff:
        with copied_superuser.connect() as conn:
            query = f"select id from gis.rental_unit where grid = '{OTHER}' order by id limit 2"
            first, second = (
                f"/collections/rental_unit/items/{COMMUNITY}.{one}" for one in conn.execute(text(query)).scalars()
            )
        for address in (first, second):
            assert staff.post(f"{address}/personal", json={"landlord_name": "赵六"}).status_code == 204
        assert staff.post(f"{first}/personal", json={}).status_code == 204
        assert staff.get(f"{first}/personal").json() == {"landlord_name": None, "landlord_phone": None}
        assert staff.delete(second).status_code == 204
        assert staff.get(f"{second}/personal").status_code == 404
    with copied_superuser.connect() as conn:
        assert (
            conn.execute(text("select count(*) from gis.rental_unit_personal where landlord_name = '赵六'")).scalar()
            == 0
        )
