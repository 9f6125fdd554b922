"""Logging in over HTTP: who is let in where, by session and by token, and when it ends."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, text

from api.access import RULES
from api.admission import Entrance
from api.app import all_routes, create_app
from api.quick_route import QuickRoute
from gis_service.database import Database
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import end_area, give_area, list_accounts, set_active, set_password
from gis_service.people.demo import settle_demo
from gis_service.people.roles import ROLES, may
from gis_service.sample.load import COMMUNITY
from tests.api.every_operation import Caller, operations_of, read_known, rule_for, send
from tests.api.own_service import serving
from tests.local_client import LOCAL, OPERATOR, app_over, local, signed_in

PASSWORD = "一个够长的口令 2026"
GRIDS = [f"{COMMUNITY}{number:03}" for number in range(1, 7)]
HTML = {"Accept": "text/html,application/xhtml+xml"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def app(copied: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    settle_demo(copied, wanted=True)
    return app_over(copied, tmp_path_factory.mktemp("files"), entrance=Entrance(frozenset({"map.example"}), demo=True))


@pytest.fixture(scope="module")
def caller(copied_superuser: Engine) -> Caller:
    return Caller(COMMUNITY, read_known(copied_superuser, COMMUNITY), seed=3)


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    """A client that hasn't logged in."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, **LOCAL) as client:
        yield client


def account(database: Database, name: str, role: str = "staff", *areas: str) -> str:
    """Make an account with the usual password; return its name."""
    signed_in(database, *(areas or (COMMUNITY,)), role=role, name=name)
    with database.write(OPERATOR) as conn:
        set_password(conn, name, PASSWORD, "operator")
    return name


def log_in(client: TestClient, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    answer: httpx.Response = client.post("/login", json={"name": name, "password": password}, headers=headers)
    return answer


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    routes = {
        f"{method} {route.path}" for route in all_routes() for method in (route.methods or ()) if method != "HEAD"
    }
    assert set(RULES) == routes
    assert all(isinstance(route, QuickRoute) for route in all_routes())


def test_a_route_without_a_rule_cannot_be_made() -> None:
    router = APIRouter(route_class=QuickRoute)
    with pytest.raises(LookupError, match="GET /secret"):
        router.get("/secret")(lambda: None)


def test_a_route_that_leaves_something_to_close_cannot_be_made() -> None:
    async def lent() -> AsyncIterator[int]:
        yield 1

    def held() -> Iterator[int]:
        yield 1

    for dependency in (lent, held):
        router = APIRouter(route_class=QuickRoute)
        with pytest.raises(TypeError, match=dependency.__name__):
            router.get("/healthz", dependencies=[Depends(dependency)])(lambda: None)


def test_a_route_of_another_kind_keeps_the_service_from_starting(
    copied: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()
    router.get("/leak")(lambda: "leaked")
    monkeypatch.setattr("api.app._ROUTERS", (router,))
    with pytest.raises(TypeError, match="leak"):
        create_app(copied)


def test_whoever_is_not_logged_in_gets_nothing(stranger: TestClient, app: FastAPI, caller: Caller) -> None:
    wrong = {"Authorization": "Bearer gis_00000000_wrong"}
    for operation in operations_of(app):
        call = caller.call(operation)
        rule = rule_for(operation)
        for headers in ({}, wrong, {"Authorization": "Basic !"}, {"Cookie": "sid=wrong"}):
            answer = stranger.request(call.method, call.path, params=dict(call.params), headers=headers)
            if not rule.login:
                assert answer.status_code != 401 or operation == "POST /login", operation
                continue
            assert answer.status_code == 401, (operation, headers)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "登录" in answer.json()["detail"]
            assert "Basic" in answer.headers["www-authenticate"]
        if rule.login and call.method == "GET":
            page = stranger.get(call.path, headers=HTML)
            assert page.status_code == 303
            assert page.headers["location"].startswith(f"http://localhost/login?next={call.path}"), operation


def test_scripts_of_pages_are_not_asked_for_a_name_in_a_window(stranger: TestClient) -> None:
    answer = stranger.get("/collections", headers={"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 401
    assert "Basic" not in answer.headers["www-authenticate"]


USUAL = {"grid_worker", "liaison", "admin"}
"""Roles that are asked every time: with the narrowest rights, and with none over data."""


@pytest.mark.parametrize(
    "role", [role if role in USUAL else pytest.param(role, marks=pytest.mark.long) for role in ROLES]
)
def test_a_role_may_do_what_the_rules_say(app: FastAPI, copied: Database, caller: Caller, role: str) -> None:
    areas = (GRIDS[0],) if role == "grid_worker" else (COMMUNITY,)
    name = account(copied, f"may-{role.replace('_', '-')}", role, *areas)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, **LOCAL) as person:
        assert log_in(person, name).status_code == 200
        for operation in operations_of(app):
            rule = rule_for(operation)
            # What ends or changes this login, or the rows that other tests read, is tried elsewhere.
            if operation in {"POST /login", "POST /logout"} or (rule.changes and rule.right and may(role, rule.right)):
                continue
            answer = send(person, caller.call(operation))
            assert answer.status_code != 401, operation
            if rule.right is not None and not may(role, rule.right):
                assert answer.status_code == 403, operation
                assert ROLES[role].title in answer.json()["detail"], operation
            else:
                assert answer.status_code < 500, operation
                assert "您的角色" not in answer.text, operation


def test_a_token_opens_data_and_not_the_account(app: FastAPI, copied: Database, caller: Caller) -> None:
    with TestClient(app, follow_redirects=False, **local(copied, COMMUNITY, name="tokens")) as programme:
        assert programme.get("/collections/rental_unit/items").json()["numberMatched"] > 0
        for operation in operations_of(app):
            if rule_for(operation).session_only:
                answer = send(programme, caller.call(operation))
                assert answer.status_code == 403, operation


def test_a_token_is_also_the_password_of_basic(stranger: TestClient, copied: Database) -> None:
    token = signed_in(copied, GRIDS[0], role="grid_worker", name="basic")["Authorization"].removeprefix("Bearer ")
    counts = set()
    for user in ("basic", "anybody", ""):
        said = base64.b64encode(f"{user}:{token}".encode()).decode()
        answer = stranger.get("/collections/rental_unit/items?limit=1", headers={"Authorization": f"Basic {said}"})
        assert answer.status_code == 200
        counts.add(answer.json()["numberMatched"])
    assert len(counts) == 1
    said = base64.b64encode(b"basic:" + PASSWORD.encode()).decode()
    assert stranger.get("/collections", headers={"Authorization": f"Basic {said}"}).status_code == 401


def test_a_read_only_token_changes_nothing(app: FastAPI, copied: Database, caller: Caller) -> None:
    name = account(copied, "careful")
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, **LOCAL) as person:
        log_in(person, name)
        made = person.post("/account/tokens", json={"title": "QGIS", "days": 30, "read_only": True})
        assert made.status_code == 201
        token = made.json()["token"]
    with TestClient(
        app, raise_server_exceptions=False, **LOCAL, headers={"Authorization": f"Bearer {token}"}
    ) as reader:
        assert reader.get("/collections/building/items?limit=1").status_code == 200
        assert "POST" not in reader.options("/collections/building/items").headers["allow"]
        for operation in operations_of(app):
            if rule_for(operation).changes:
                assert send(reader, caller.call(operation)).status_code == 403, operation


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: FastAPI, copied: Database) -> None:
    name = account(copied, "cookies")
    with TestClient(app, **LOCAL) as client:
        plain = log_in(client, name).headers["set-cookie"]
    assert re.fullmatch(r"sid=[\w-]{43}; HttpOnly; Max-Age=86400; Path=/; SameSite=lax", plain)
    secure = create_app(copied, entrance=Entrance(frozenset({"map.example"}), secure=True))
    with TestClient(secure, base_url="https://map.example") as client:
        said = log_in(client, name).headers["set-cookie"]
    assert re.fullmatch(r"__Host-sid=[\w-]{43}; HttpOnly; Max-Age=86400; Path=/; SameSite=lax; Secure", said)


def test_people_are_led_to_the_login_and_back(stranger: TestClient, copied: Database) -> None:
    name = account(copied, "clerk")
    there = stranger.get("/maps/density?community=330482002011", headers=HTML).headers["location"]
    page = stranger.get(there, headers=HTML)
    hidden = re.search(r'name="next" value="([^"]+)"', page.text)
    assert hidden is not None
    assert hidden[1] == "/maps/density?community=330482002011"
    sent = {"name": name, "password": PASSWORD, "next": hidden[1]}
    answer = stranger.post("/login", data=sent, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "http://localhost/maps/density?community=330482002011",
    )
    assert stranger.get("/account", headers=HTML).status_code == 200
    left = stranger.post("/logout", headers=HTML)
    assert left.headers["location"] == "http://localhost/login"
    assert left.headers["clear-site-data"] == '"cache"'
    assert stranger.get("/account").status_code == 401


def test_somebody_else_may_log_in_in_the_same_browser(stranger: TestClient, copied: Database) -> None:
    first, second = account(copied, "early"), account(copied, "late")
    assert log_in(stranger, first).status_code == 200
    before = stranger.cookies["sid"]
    assert log_in(stranger, second).json()["name"] == second
    assert stranger.get("/account").json()["name"] == second
    stranger.cookies.set("sid", before)
    assert stranger.get("/account").status_code == 401


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)",
                                   "evil", "/a\r\nX-Evil: 1", "/../..//evil", ""])  # fmt: skip
def test_the_login_leads_to_no_other_site(stranger: TestClient, there: str) -> None:
    answer = stranger.post("/login", data={"demo": "leader", "next": there}, headers=HTML)
    assert answer.status_code == 303
    assert re.fullmatch(r"http://localhost/(\.\./\.\.//evil)?", answer.headers["location"])
    assert "x-evil" not in answer.headers


def test_wrong_passwords_are_told_and_then_wait(stranger: TestClient, copied: Database) -> None:
    name = account(copied, "forgetful")
    for _ in range(10):
        answer = log_in(stranger, name, "wrong password")
        assert answer.status_code == 401
        assert answer.json()["detail"] == "账户名或口令不对。"
    for password in ("wrong password", PASSWORD):
        answer = log_in(stranger, name, password)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "900"
    page = stranger.post("/login", data={"name": name, "password": PASSWORD}, headers=HTML)
    assert page.status_code == 429
    assert "15 分钟后再试" in page.text
    assert PASSWORD not in page.text


def test_what_another_site_s_page_sends_is_refused(
    stranger: TestClient, app: FastAPI, copied: Database, caller: Caller
) -> None:
    log_in(stranger, account(copied, "victim"))
    foreign = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")]
    foreign += [{"Origin": origin} for origin in ("https://evil.example", "null", "http://localhost:8001")]
    for headers in foreign:
        for operation in operations_of(app):
            if operation.split(" ")[0] not in {"GET", "OPTIONS"}:
                call = caller.call(operation)
                answer = stranger.request(call.method, call.path, json=call.json or {}, headers=headers)
                assert answer.status_code == 403, (operation, headers)
    assert stranger.get("/account").status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert stranger.post("/account/view-as/end", headers=own).status_code == 204


def test_only_known_names_are_answered(app: FastAPI, copied: Database) -> None:
    for base, known in (("http://map.example", True), ("http://127.0.0.1:8000", True), ("http://evil.example", False),
                        ("http://map.example.evil.example", False)):  # fmt: skip
        with TestClient(app, base_url=base, headers=signed_in(copied, COMMUNITY, name="names")) as client:
            assert client.get("/collections").status_code == (200 if known else 403)
            assert client.get("/login").status_code == (200 if known else 403)


@pytest.mark.parametrize("ending", ["revoked", pytest.param("disabled", marks=pytest.mark.long)])
def test_an_ended_login_is_dead_at_once_for_every_operation(
    app: FastAPI, copied: Database, caller: Caller, ending: str
) -> None:
    name = account(copied, f"leaving-{ending}", "staff")
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False, **LOCAL) as person:
        for operation in operations_of(app):
            rule = rule_for(operation)
            if not rule.login or (rule.right and not may("staff", rule.right)):
                continue
            # Each time the service has just seen the login alive, and may remember it.
            assert log_in(person, name).status_code == 200
            mine = person.get("/account").json()["logins"][0]["id"]
            with copied.write(OPERATOR) as conn:
                if ending == "disabled":
                    set_active(conn, name, active=False)
                else:
                    conn.execute(text("delete from gis.credential where id = :id"), {"id": mine})
            answer = send(person, caller.call(operation))
            assert answer.status_code in {401, 400, 415} if rule.changes or rule.asks else {401}, operation
            assert answer.status_code == 401 or "credential" not in answer.text, operation
            with copied.write(OPERATOR) as conn:
                set_active(conn, name, active=True)


def test_areas_that_change_hold_from_the_next_request(app: FastAPI, copied: Database) -> None:
    with TestClient(app, **local(copied, GRIDS[0], role="grid_worker", name="mover")) as worker:
        first = worker.get("/collections/rental_unit/items?limit=1").json()["numberMatched"]
        with copied.write(OPERATOR) as conn:
            give_area(conn, "mover", GRIDS[2])
        both = worker.get("/collections/rental_unit/items?limit=1").json()["numberMatched"]
        with copied.write(OPERATOR) as conn:
            end_area(conn, "mover", GRIDS[0])
        second = worker.get("/collections/rental_unit/items?limit=1").json()["numberMatched"]
        assert 0 < first < both == first + second


def test_staff_see_exactly_what_a_worker_sees(app: FastAPI, copied: Database) -> None:
    paths = [
        "/collections/rental_unit/items?limit=all&f=csv", "/summary", "/analyses/hazards", "/search?q=ZF&layers=visit",
        "/nearby?lon=121.0045&lat=30.7&layers=hazard&k=50", "/collections/visit/items?limit=all&f=fgb",
        f"/maps/overview/layers/hazard?community={COMMUNITY}",
    ]  # fmt: skip
    name = account(copied, "curious")
    with TestClient(app, **LOCAL) as person:
        log_in(person, name)
        assert person.post("/account/view-as", json={"name": "grid3"}).status_code == 204
        seen = [person.get(path) for path in paths]
        document = person.get("/account").json()
        assert (document["viewing"], document["areas"]) == ("grid3", [GRIDS[2]])
        page = person.get("/", headers=HTML)
        assert "正以 grid3 的身份查看" in page.text
        refused = person.delete("/collections/hazard/items/330482002011.x")
        assert refused.status_code == 403
        assert person.post("/account/view-as", json={"name": "grid1"}).status_code == 403
        assert person.post("/account/view-as/end").status_code == 204
        assert "身份查看,不能修改" not in person.get("/", headers={**HTML, "If-None-Match": page.headers["etag"]}).text
        mine = [person.get(path) for path in paths]
    with TestClient(app, **LOCAL) as worker:
        worker.post("/login", json={"demo": "grid3"})
        theirs = [worker.get(path) for path in paths]
    assert [answer.content for answer in seen] == [answer.content for answer in theirs]
    assert [path for path, a, b in zip(paths, seen, mine, strict=True) if a.content == b.content] == []


def test_one_grid_s_numbers_are_never_taken_for_the_community_s(app: FastAPI, copied: Database) -> None:
    note = "出租房、隐患、走访、违建只含网格 003"
    with TestClient(app, **local(copied, GRIDS[2], role="grid_worker", name="partial")) as worker:
        for path in ("/", "/maps/hazards"):
            assert note in worker.get(path, headers=HTML).text
        for path in ("/maps/public_density", f"/maps/public_density/file?community={COMMUNITY}",
                     "/analyses/public_density", "/analyses/public_density?f=csv"):  # fmt: skip
            answer = worker.get(path)
            assert answer.status_code == 403, path
            assert "管整个社区" in answer.json()["detail"]
    with TestClient(app, **local(copied, COMMUNITY, name="whole")) as staff:
        assert "只含网格" not in staff.get("/", headers=HTML).text
        assert staff.get("/analyses/public_density").status_code == 200


def test_personal_fields_are_not_shown_through_another_s_eyes(app: FastAPI, copied: Database, caller: Caller) -> None:
    unit = next(one for one in caller.by_layer["rental_unit"] if one.grid == GRIDS[2])
    path = f"/collections/rental_unit/items/{COMMUNITY}.{unit.id}/personal"
    with TestClient(app, **LOCAL) as person:
        log_in(person, account(copied, "watcher", "leader"))
        assert person.get(path).status_code == 403
        assert person.post("/account/view-as", json={"name": "grid3"}).status_code == 204
        answer = person.get(path)
        assert answer.status_code == 403
        assert "别人的身份" in answer.json()["detail"]


def test_a_refused_form_leads_back_to_where_it_was(app: FastAPI, copied: Database) -> None:
    with TestClient(app, **LOCAL) as admin:
        log_in(admin, account(copied, "chief3", "admin"))
        form = {"name": "X Y", "title": "x", "role": "staff", "areas": COMMUNITY}
        for came_from, back in (("http://localhost/accounts", True), ("https://evil.example/", False)):
            page = admin.post("/accounts", data=form, headers={**HTML, "Referer": came_from})
            assert page.status_code == 400
            assert (f'href="{came_from}"' in page.text) is back


def test_areas_may_be_written_with_the_commas_of_a_chinese_keyboard(app: FastAPI, copied: Database) -> None:
    with TestClient(app, **LOCAL) as admin:
        log_in(admin, account(copied, "chief4", "admin"))
        for number, between in enumerate((",", "，", "、", " ", ", ")):
            form = {"name": f"comma{number}", "title": "x", "role": "grid_worker", "areas": between.join(GRIDS[:2])}
            assert admin.post("/accounts", data=form).status_code == 201
            held = admin.get(f"/accounts/comma{number}").json()["areas"]
            assert [one["area"] for one in held] == GRIDS[:2]


def test_demonstration_accounts_need_to_be_wanted(copied: Database, app: FastAPI) -> None:
    with TestClient(app, follow_redirects=False, **LOCAL) as client:
        page = client.get("/login").text
        assert "不要口令" in page
        assert page.count('name="demo"') == 10
        assert client.post("/login", json={"demo": "curious"}).status_code == 403
        assert log_in(client, "grid1", "").status_code == 401
    with TestClient(create_app(copied), follow_redirects=False, **LOCAL) as client:
        assert 'name="demo"' not in client.get("/login").text
        assert client.post("/login", json={"demo": "grid1"}).status_code == 403


def test_administering_by_the_pages(app: FastAPI, copied: Database) -> None:
    with TestClient(app, follow_redirects=False, **LOCAL) as admin:
        log_in(admin, account(copied, "chief", "admin"))
        assert admin.get("/", headers=HTML).headers["location"] == "http://localhost/accounts"
        form = {"name": "newcomer", "title": "小李 <b>", "role": "grid_worker", "areas": f"{GRIDS[0]},{GRIDS[1]}"}
        made = admin.post("/accounts", data=form, headers=HTML)
        assert made.status_code == 201
        assert "小李 &lt;b&gt;" in made.text
        password = re.search(r"<code>(\w{16})</code>", made.text)
        assert password is not None
        assert admin.post("/accounts", data=form, headers=HTML).status_code == 409
        assert admin.post("/accounts/newcomer/areas", data={"area": GRIDS[3], "until": "2099-01-01"}).status_code == 204
        assert admin.post(f"/accounts/newcomer/areas/{GRIDS[1]}/end").status_code == 204
        assert admin.post("/accounts/newcomer/areas", data={"area": "330482"}).status_code == 403
        assert admin.post("/accounts/newcomer/areas", data={"area": GRIDS[4], "since": "x"}).status_code == 400
        document = admin.get("/accounts/newcomer").json()
        assert [one["area"] for one in document["areas"]] == [GRIDS[0], GRIDS[3]]
        assert admin.post("/accounts/chief", data={"active": ""}).status_code == 400
        with TestClient(app, follow_redirects=False, **LOCAL) as newcomer:
            assert log_in(newcomer, "newcomer", password[1]).json()["areas"] == [GRIDS[0], GRIDS[3]]
            assert "口令是管理员设的" in newcomer.get("/account", headers=HTML).text
            wrong = newcomer.post("/account/password", json={"old": "x", "new": PASSWORD})
            assert wrong.status_code == 400
            changed = newcomer.post("/account/password", json={"old": password[1], "new": PASSWORD})
            assert changed.status_code == 200
            assert newcomer.get("/account").status_code == 200
            assert admin.post("/accounts/newcomer", data={"active": ""}).status_code == 204
            assert newcomer.get("/account").status_code == 401
            assert log_in(newcomer, "newcomer").status_code == 401


@pytest.mark.parametrize("trusted", [False, pytest.param(True, marks=pytest.mark.long)])
def test_forwarded_addresses_count_only_from_named_proxies(
    copied: Database, copied_superuser: Engine, cluster: LocalCluster, copied_name: str, trusted: bool
) -> None:
    name = account(copied, f"spoofed-{trusted}".lower())
    proxies = {"GIS_PROXIES": "127.0.0.1"} if trusted else {}
    with serving(cluster, copied_name, **proxies) as served, httpx.Client(base_url=served.url) as client:
        for number in range(3):
            said = {"X-Forwarded-For": f"10.1.1.{number}", "Forwarded": "for=10.2.2.2"}
            assert client.post("/login", json={"name": name, "password": "wrong"}, headers=said).status_code == 401
    with copied_superuser.connect() as conn:
        query = text("select address from gis.login_attempt where account = :name order by id")
        found = conn.execute(query, {"name": name}).scalars().all()
    assert found == ([f"10.1.1.{number}" for number in range(3)] if trusted else ["127.0.0.1"] * 3)


def test_a_thousand_interleaved_requests_of_five_people_on_two_connections_mix_nothing(
    cluster: LocalCluster, copied_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_service.reader.POOL_SIZE", 2)
    engine = create_engine(cluster.url("gis_app", copied_name), pool_size=2, max_overflow=0)
    database = Database(engine, engine)
    headers = [
        signed_in(database, grid, role="grid_worker", name=f"pool{number}") for number, grid in enumerate(GRIDS[:5])
    ]  # fmt: skip
    paths = ["/collections/rental_unit/items?limit=1000", "/collections/visit/items?limit=all&f=csv", "/summary",
             "/collections/hazard/items?limit=1000"]  # fmt: skip

    async def ask_all() -> list[tuple[int, str, str]]:
        app = create_app(database)
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            found = []

            async def person(who: int) -> None:
                for number in range(200):
                    answer = await client.get(paths[(number + who) % len(paths)], headers=headers[who])
                    assert answer.status_code in {200, 503}, answer.text
                    found.append((who, answer.text if answer.status_code == 200 else "", str(answer.status_code)))

            await asyncio.gather(*(person(who) for who in range(5)))
            return found

    found = asyncio.run(ask_all())
    engine.dispose()
    assert len(found) == 1000
    assert sum(status == "200" for _, _, status in found) > 900
    for who, said, _ in found:
        grids = set(re.findall(rf"{COMMUNITY}\d{{3}}", said))
        assert grids <= {GRIDS[who]}, who


def test_names_of_people_are_shown_as_text(app: FastAPI, copied: Database) -> None:
    payload = "</script><script>alert(1)</script>"
    with TestClient(app, follow_redirects=False, **LOCAL) as admin:
        log_in(admin, account(copied, "chief2", "admin"))
        form = {"name": "script", "title": payload, "role": "staff", "areas": COMMUNITY}
        pages = [admin.post("/accounts", data=form, headers=HTML), admin.get("/accounts", headers=HTML),
                 admin.get("/accounts/script", headers=HTML)]  # fmt: skip
        for page in pages:
            assert payload not in page.text
            assert "&lt;script&gt;" in page.text
            policy = page.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "script-src" not in policy
    with copied.read(OPERATOR) as conn:
        assert [one.title for one in list_accounts(conn, "script")] == [payload]


def settings_refused() -> dict[str, dict[str, str]]:
    return {
        "GIS_DEMO": {"GIS_DEMO": "1", "GIS_PUBLIC_URL": "https://map.example"},
        "GIS_HOST": {"GIS_DEMO": "1", "GIS_HOST": "0.0.0.0"},  # noqa: S104
        "GIS_PUBLIC_URL": {"GIS_HOST": "0.0.0.0"},  # noqa: S104
    }


@pytest.mark.parametrize("named", settings_refused())
def test_settings_that_would_let_anybody_in_are_refused(
    command: Any, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    for name, value in settings_refused()[named].items():
        monkeypatch.setenv(name, value)
    ran = command("serve", "--port", "1")
    assert ran.code == 1
    assert named in ran.err
    assert ran.err.count("\n") == 1


def test_accounts_and_tokens_by_command(command: Any, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    added = command("user", "add", "xiaoli", "--role", "grid_worker", "--area", GRIDS[0], "--title", "小李")
    assert (added.code, "已建立账户 xiaoli" in added.out) == (0, True)
    assert re.fullmatch(r"[a-z2-9]{16}", added.out.split()[-1])
    assert command("user", "add", "xiaoli", "--role", "staff", "--area", COMMUNITY).code == 1
    made = command("token", "create", "--user", "xiaoli", "--read-only")
    token = made.out.split()[-1]
    assert re.fullmatch(r"gis_[0-9a-f]{8}_[\w-]{43}", token)
    with TestClient(create_app(database), headers={"Authorization": f"Bearer {token}"}, **LOCAL) as client:
        assert client.get("/collections").status_code == 200
        assert command("user", "disable", "xiaoli").code == 0
        assert client.get("/collections").status_code == 401
        assert command("user", "enable", "xiaoli").code == 0
        assert client.get("/collections").status_code == 401
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert command("user", "password", "xiaoli", "--password-stdin").code == 0
    assert command("user", "area", "xiaoli", GRIDS[1], "--until", "2099-12-31").code == 0
    assert command("user", "area", "xiaoli", GRIDS[0], "--end").code == 0
    assert command("user", "add", "ahua", "--role", "grid_worker", "--area", GRIDS[4]).code == 0
    assert command("user", "substitute", "ahua", "--for", "xiaoli", "--until", "2099-12-31").code == 0
    listed = command("user", "list").out
    assert "xiaoli" in listed
    assert f"{GRIDS[1]}(到 2099-12-31)" in listed
    assert command("user", "reassign", "xiaoli", "ahua").code == 0
    assert re.search(r"xiaoli │[^│]*│[^│]*│ 无 ", command("user", "list").out)
    again = command("token", "create", "--user", "ahua")
    assert again.out.split()[-1].split("_")[1] in command("token", "list").out
    assert command("token", "revoke", again.out.split()[-1].split("_")[1]).code == 0
    for wrong in ("token create --user nobody", "user disable nobody", "token revoke 12345678"):
        ran = command(*wrong.split())
        assert (ran.code, ran.err.count("\n")) == (1, 1), wrong


def test_an_auditor_reads_who_did_what(app: FastAPI, copied: Database) -> None:
    account(copied, "writer")
    with TestClient(app, **LOCAL) as writer:
        log_in(writer, "writer")
        place = "/collections/waste_point/items/330482002011.LJ002"
        merge = {"Content-Type": "application/merge-patch+json"}
        assert writer.patch(place, json={"properties": {"remark": "=1+1"}}, headers=merge).status_code == 204
        assert writer.get("/audit").status_code == 403
    with TestClient(app, follow_redirects=False, **LOCAL) as auditor:
        log_in(auditor, account(copied, "checker", "auditor"))
        (line,) = auditor.get("/audit?actor=writer&limit=1").json()["audit"]
        assert (line["subject"], line["operation"], line["rows"], line["role"]) == ("waste_point", "update", 1, "staff")
        page = auditor.get("/audit?actor=writer", headers=HTML).text
        assert "修改 垃圾投放点 1 行" in page
        assert "社区工作人员" in page
        table = auditor.get("/audit?actor=writer&f=csv")
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.text.startswith("\ufeff时间,账户,角色")
        assert "修改 垃圾投放点" in table.text
        first = auditor.get("/audit?limit=2").json()
        second = auditor.get(first["next"] + "&limit=2").json()
        assert len({one["position"] for one in (*first["audit"], *second["audit"])}) >= 3
        for wrong in ("after=x", "since=x", "limit=0", "f=xml"):
            assert auditor.get(f"/audit?{wrong}").status_code == 400
        assert auditor.get("/audit?since=2000-01-01&until=2000-01-02").json()["audit"] == []
        assert "没有符合的记录" in auditor.get("/audit?actor=nobody", headers=HTML).text
        assert auditor.get("/collections").status_code == 403


def test_the_audit_is_verified_and_anchored_by_command(command: Any, superuser: Any) -> None:
    assert "还没有锚定" in command("audit", "verify").out
    command("user", "add", "temp", "--role", "staff", "--area", COMMUNITY)
    assert command("audit", "anchor").out.startswith("已锚定 ")
    assert "审计记录完好" in command("audit", "verify").out
    with superuser.begin() as conn:
        conn.execute(text("update gis.audit set actor = 'nobody' where position = 1"))
    ran = command("audit", "verify")
    assert ran.code == 1
    assert "内容被改过" in ran.out
