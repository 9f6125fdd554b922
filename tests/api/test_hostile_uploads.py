"""The desk's door against hostile files and forms: refused in plain words, nothing told, nothing kept, nobody waits."""

from __future__ import annotations

import http.client
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import cache

import httpx
import pytest

from api.app import all_routes
from gis_service.database import open_engine
from gis_service.local_cluster import LocalCluster
from tests.api.hostile import archives, databases, sources, texts
from tests.api.hostile.bait import Bait, Hostile, csv_with
from tests.api.hostile.forms import BadForm, bad_forms
from tests.api.hostile.watched_service import CHINESE, TOLD, Bystanders, WatchedService, fault_of
from tests.api.own_service import serving
from tests.gis_service.surveys.hostile import SECRET, listening

pytestmark = pytest.mark.alone

TELLING = [
    "VRT of another file inside as survey.geojson as survey.zip",
    "GDALG of an address as survey.json",
    "document type 1 as survey.kml",
    "overlapping entries as survey.zip",
    "one long text in many cells as survey.xlsx",
    "a view without end as survey.gpkg",
    "a NUL in a value as survey.geojson",
    "a number that is words before a number, over and over as survey.csv",
]
CLIENT_SECONDS = 2


@pytest.fixture(scope="module")
def service(
    cluster: LocalCluster,
    make_database: Callable[..., str],
    untouched_sample: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WatchedService]:
    name, folder = make_database(untouched_sample), tmp_path_factory.mktemp("hostile")
    places = {one: folder / one for one in ("data", "temporary", "bait", "secret")}
    for place in places.values():
        place.mkdir()
    secret = places["secret"] / "people.csv"
    secret.write_text(f"id_card,lon,lat\n{SECRET},121,30.7\n", "utf-8")
    settings = {
        "GIS_DATA_DIR": str(places["data"]),
        "TMPDIR": str(places["temporary"]),
        "GIS_CLIENT_SECONDS": str(CLIENT_SECONDS),
    }
    superuser = open_engine(cluster.url("postgres", name))
    with (
        listening() as (address, knocks),
        serving(cluster, name, **settings) as served,
        httpx.Client(
            base_url=served.url, headers=served.headers, timeout=120, transport=httpx.HTTPTransport(retries=1)
        ) as client,
    ):
        bait = Bait(secret, address, places["bait"])
        yield WatchedService(
            served.url, served.pid, served.headers, client, superuser,
            places["data"], places["temporary"], bait, knocks,
        )  # fmt: skip
    superuser.dispose()


@cache
def all_files() -> dict[str, Hostile]:
    """Return the files by what they are known by; asked for by tests only, as every worker imports this file."""
    found = [file for made in (sources, archives, texts, databases) for file in made.files()]
    assert len({str(file) for file in found}) == len(found), "a file is there twice"
    return {str(file): file for file in found}


@pytest.mark.parametrize("name", TELLING)
def test_telling_files(service: WatchedService, name: str) -> None:
    assert fault_of(service, all_files()[name]) == ""
    assert service.knocks == []


def test_none_is_forgotten() -> None:
    assert len(all_files()) >= 150


@pytest.mark.long
def test_every_file(service: WatchedService) -> None:
    """Whatever is sent, others are answered as ever, and the service grows by less than 100 MB at any moment."""
    good = Hostile("a good file", "survey.csv", csv_with(), taken={"added": 1})
    assert fault_of(service, good) == ""
    service.forget_peak()
    files, before, bystanders = list(all_files().values()), service.memory(), Bystanders()
    with bystanders.asking(service.url, service.headers):
        faults = [fault for file in files if (fault := fault_of(service, file))]
    grown, peak = service.memory() - before, service.memory("VmHWM") - before
    middle, late = bystanders.percentile(0.5), bystanders.percentile(0.95)
    sys.stdout.write(
        f"\n{len(files)} files, {sum(file.taken is None for file in files)} of them refused; memory +{grown:.0f} MB, "
        f"peak +{peak:.0f} MB; {len(bystanders.seconds)} other requests, median {middle * 1000:.0f} ms, "
        f"95 % within {late * 1000:.0f} ms, slowest {max(bystanders.seconds) * 1000:.0f} ms"
    )  # fmt: skip
    assert faults == [], "\n".join(faults)
    assert service.knocks == []
    assert fault_of(service, good) == ""
    assert bystanders.failed == []
    assert peak < 100
    assert late < 0.5


def asked(service: WatchedService, form: BadForm) -> tuple[int, dict[str, object], str]:
    """Send a form as it is; return status, document and everything that came."""
    connection = http.client.HTTPConnection("127.0.0.1", int(service.url.rpartition(":")[2]), timeout=30)
    try:
        length = len(form.body) if form.length is None else form.length
        connection.putrequest("POST", "/uploads")
        for name, value in {**service.headers, **form.headers, "Content-Length": str(length)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(form.body)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.headers["content-type"] == "application/problem+json", f"{answer.status} {text[:300]}"
        return answer.status, json.loads(text), text
    finally:
        connection.close()


@pytest.mark.parametrize("form", list(bad_forms()), ids=lambda form: form.what)
def test_bad_forms(service: WatchedService, form: BadForm) -> None:
    before = service.kept()
    status, document, told = asked(service, form)
    assert status == form.status or (form.status == 0 and status in {400, 404}), told
    assert CHINESE.search(str(document["detail"]))
    assert re.search(form.says, str(document["detail"])), document["detail"]
    assert TOLD.search(told) is None
    assert service.kept() == before


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../../tmp/x.csv", "x.csv"),
        ("C:\\x.csv", "x.csv"),
        ("\u202ecod.csv", "\u202ecod.csv"),
        ("-rf $(id) {{7*7}} <b>'.csv", "-rf $(id) {{7*7}} <b>'.csv"),
    ],
)
def test_names_that_would_be_paths_are_only_names(service: WatchedService, name: str, kept: str) -> None:
    before = service.kept()
    table = Hostile(name, name, csv_with(), taken={"added": 1})
    found = service.send(table)
    assert found.status == 201, found.told
    assert found.document["file_name"] == kept
    (original,) = (service.data / "uploads").iterdir()
    assert original.name == f"{found.document['id']}.csv"
    service.look_at(table, found)
    assert service.kept() == before


_ITEM = "/collections/{layer}/items/{feature}"


def writing_routes() -> list[tuple[str, str]]:
    """Every way to write, taken from the application so that a new one can't be forgotten."""
    return [
        (method, route.path)
        for route in all_routes()
        for method in sorted((route.methods or set()) - {"GET", "HEAD", "OPTIONS"})
    ]  # fmt: skip


def test_the_writing_routes_are_found() -> None:
    assert {("POST", "/uploads"), ("POST", "/login"), ("PATCH", _ITEM)} <= set(writing_routes())
    assert len([path for _, path in writing_routes() if path.startswith("/uploads")]) >= 6
    assert len(writing_routes()) >= 25


@pytest.fixture(scope="module")
def proposed(service: WatchedService) -> Iterator[str]:
    """An upload that waits to be decided on."""
    found = service.send(Hostile("a good file", "survey.csv", csv_with()))
    yield found.document["id"]
    assert service.client.delete(f"/uploads/{found.document['id']}").status_code == 204


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("method", "path"), writing_routes())
def test_pages_of_other_sites_write_nothing(
    service: WatchedService, proposed: str, method: str, path: str, *, known: bool
) -> None:
    address = path.format(
        upload=proposed, row=1, layer="waste_point", feature="330482002011.LJ002", name="tester", area="330482002011",
        login="00000000", export="0000-0000", case="330482002011.YH0300", edit=str(uuid.UUID(int=1)),
    )  # fmt: skip
    before, own = service.kept(), service.url
    # Refused before it is asked whose the request is.
    login = {} if known else {"Authorization": "Bearer none"}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": own},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": own.replace("127.0.0.1", "localhost")},
        {"Origin": own.rpartition(":")[0]},
        {"Origin": "http://rebound.example", "Host": "rebound.example"},
    ):
        form = {"files": {"file": ("a.csv", csv_with()(service.bait))}} if path == "/uploads" else {"content": b"{}"}
        answer = service.client.request(method, address, headers={**login, **headers}, **form)
        assert answer.status_code == 403, f"{headers}: {answer.text[:200]}"
        assert answer.headers["content-type"] == "application/problem+json"
    assert service.kept() == before


@pytest.mark.parametrize(
    "body", [b'{"crs":"a\\u0000"}', b'{"column:\\u0000":"name"}', b'{"layer":"\\ud800"}', b"[" * 9000]
)
def test_answers_that_no_text_can_hold(service: WatchedService, proposed: str, body: bytes) -> None:
    for path in ("answers", "commit", "rows/1"):
        answer = service.client.request(
            "PATCH" if path == "rows/1" else "POST", f"/uploads/{proposed}/{path}", content=body
        )
        assert answer.status_code == 400, answer.text[:300]
        assert answer.headers["content-type"] == "application/problem+json"
