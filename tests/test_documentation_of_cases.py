"""What is said of cases: the parameters of their routes, both pages, containers, and one word for closed."""

from __future__ import annotations

import re

from fastapi.routing import APIRoute

from api.app import all_routes
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.features.question import today as this_day
from gis_service.field.today import today
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.catalog.hazard import HazardStatus
from tests.test_documentation import README, section

ROW = re.compile(r"^\| `((?:GET|POST) [^`]+)` \| (.*) \|$", re.MULTILINE)


def parameters(route: APIRoute) -> set[str]:
    """Return the query parameters of a route and of what it depends on, but for the one that all of them have."""
    parts = [route.dependant, *route.dependant.dependencies]
    return {one.alias for part in parts for one in part.query_params} - {"community"}


def test_every_parameter_of_cases_is_in_the_readme() -> None:
    rows = dict(ROW.findall(section("接口")))
    routes = [route for route in all_routes() if "cases" in route.tags]
    assert len(routes) > 8
    for route in routes:
        (name,) = (f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"})
        said = rows[name] + (rows["GET /cases"] if "与 `/cases` 相同" in rows[name] else "")
        missing = parameters(route) - set(re.findall(r"[\w-]+", said, re.ASCII))
        assert not missing, f"README.md doesn't name {sorted(missing)} of {name}"


def test_the_opening_says_what_there_is() -> None:
    opening = README.partition("\n## ")[0]
    served = {route.path for route in all_routes()}
    told = set(re.findall(r"`(/\w+)`", opening))
    assert told == {"/field", "/desk"}
    assert told <= served
    assert "Still missing" not in opening


def test_a_container_is_made_anew_for_new_settings() -> None:
    (said,) = re.findall(r"^\*\*容器\*\*.*?\n\n", README, re.MULTILINE | re.DOTALL)
    assert "`docker compose up -d`" in said
    assert "重启" not in said


def test_the_walk_calls_a_closed_case_what_everything_else_does(sample: Database) -> None:
    scope = Scope("t", "staff", (COMMUNITY,))
    with sample.read(scope) as conn:
        method = today(conn, scope, read_area(conn, COMMUNITY), on=this_day(), hours=1).method
    assert f"隐患{HazardStatus.CLOSED.label}" in method
    assert not [word for word in ("销号", "结案") if word in method]
