"""Scripts in every text that people give of themselves, on the pages about people and exports: nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Dialog, Page
from sqlalchemy import text

from gis_service.database import Database, connect
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, set_password
from gis_service.people.logins import make_token
from gis_service.people.personal import find_feature, read_whole
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.api.own_service import serving
from tests.api.test_hostile_names import INJECTED, PAYLOADS
from tests.local_client import OPERATOR

PASSWORD = "a long enough password"
STAFF = Scope("boss", "staff", (COMMUNITY,))


@dataclass(frozen=True)
class Office:
    """The service, and the codes of the exports that were asked for."""

    url: str
    codes: tuple[str, ...]


def fill(database: Database) -> None:
    """Give a payload wherever somebody may write of themselves, or why they look."""
    layer = LAYERS["rental_unit"]
    with database.write(OPERATOR) as conn:
        for name, role in (("boss", "admin"), ("worker", "staff")):
            add_account(conn, name, role, [COMMUNITY], title=PAYLOADS[0][:60])
            set_password(conn, name, PASSWORD, name)
        for number, payload in enumerate(PAYLOADS):
            add_account(conn, f"p{number:02}", "grid_worker", [f"{COMMUNITY}001"], title=payload[:60])
            make_token(conn, "boss", payload[:60], 30)
            make_token(conn, "worker", payload[:60], 30)
    with database.write(STAFF) as conn:
        for number, payload in enumerate(PAYLOADS):
            # As a hostile name of a community would title it; the file itself isn't looked at.
            conn.execute(
                text("insert into gis.export (community, id, code, name, format, paper, orientation, day, areas, title,"
                     " finding, made_at, sha256, bytes) values (:a, gen_random_uuid(), :c, 'overview', 'svg', 'A4',"
                     " 'landscape', current_date, array[:a], :t, :t, now(), 'x', 1)"),
                {"a": COMMUNITY, "c": f"P{number:03}-0000", "t": payload},
            )  # fmt: skip
    with database.read(STAFF) as conn:
        code = conn.execute(text("select min(code) from gis.rental_unit")).scalar_one()
        feature = find_feature(conn, layer, STAFF, f"{COMMUNITY}.{code}")
    for payload in PAYLOADS:
        with database.write(STAFF) as conn:
            read_whole(conn, layer, feature, payload)


@pytest.fixture(scope="module")
def office(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Office]:  # fmt: skip
    name = make_database(untouched_sample)
    database = connect(cluster.url("gis_app", name))
    fill(database)
    with serving(cluster, name, GIS_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as served:
        yield Office(served.url, tuple(f"P{number:03}-0000" for number in range(len(PAYLOADS))))
    database.close()


@pytest.mark.parametrize(
    ("who", "paths"),
    [("boss", ("/account", "/accounts", "/accounts/p03", "/audit", "/")),
     pytest.param("worker", ("/account", "/exports", "/exports/{code}", "/exports?name=%3Cscript%3E"),
                  marks=pytest.mark.long)],
)  # fmt: skip
def test_nothing_runs(chromium: Browser, office: Office, who: str, paths: tuple[str, ...]) -> None:
    context = chromium.new_context(locale="zh-CN", bypass_csp=True)
    page: Page = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(f"{office.url}/login")
    page.fill("input[name=name]", who)
    page.fill("input[name=password]", PASSWORD)
    page.click("button:has-text('登录')")
    page.wait_for_load_state()
    assert "/login" not in page.url
    seen = 0
    for path in paths:
        page.goto(office.url + path.replace("{code}", office.codes[0]))
        page.wait_for_timeout(150)
        assert page.title() != "PWNED", path
        assert page.locator(INJECTED).count() == 0, path
        seen += sum(payload[:20] in page.inner_text("body") for payload in PAYLOADS)
    assert dialogs == []
    # They are there, as text.
    assert seen > len(PAYLOADS)
    context.close()
