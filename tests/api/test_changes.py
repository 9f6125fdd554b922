"""Live updates: who hears of what, how soon, for how long; and that they keep nobody from stopping."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import shapely
from sqlalchemy import Engine, text

from api.routes.changes import Pace, told
from gis_service.areas import create_area
from gis_service.database import Database, connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.people.logins import digest_of, identify
from gis_service.scope import Scope
from tests.api.own_service import Served, serving
from tests.local_client import signed_in, token_for

HERE, THERE = "330482002021", "330482002022"
PLACES = {HERE: (120.995, 30.695), THERE: (121.015, 30.695)}
SSE = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def name(cluster: LocalCluster, make_database: Callable[..., str]) -> str:
    """A database of two communities side by side."""
    found = make_database()
    database = connect(cluster.url("gis_app", found))
    with database.write(Scope("test", "operator", (HERE, THERE))) as conn:
        for code, (lon, lat) in PLACES.items():
            create_area(conn, code, f"社区{code[-1]}", shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01))
    database.close()
    return found


@pytest.fixture(scope="module")
def own(cluster: LocalCluster, name: str) -> Iterator[Database]:
    found = connect(cluster.url("gis_app", name))
    yield found
    found.close()


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("postgres", name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def served(cluster: LocalCluster, name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(cluster, name, GIS_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as found:
        yield found


@dataclass
class Stream:
    """What a client hears, with the moment of each; the end is ``closed``."""

    heard: queue.Queue[tuple[float, str, str]] = field(default_factory=queue.Queue)

    def next(self, seconds: float = 20.0) -> tuple[float, str, str]:
        """Return the next event: when it came, its name, its data; AssertionError when none comes."""
        try:
            return self.heard.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing was heard for {seconds} s") from None

    def read(self, answer: httpx.Response) -> None:
        named = ""
        try:
            for line in answer.iter_lines():
                kind, _, said = line.partition(": ")
                if kind == "event":
                    named = said
                elif kind == "data":
                    self.heard.put((time.monotonic(), named, said))
        except httpx.HTTPError as error:
            self.heard.put((time.monotonic(), "broken", str(error)))
        self.heard.put((time.monotonic(), "closed", ""))


@contextmanager
def listening(served: Served, headers: dict[str, str], asked: str = "") -> Iterator[Stream]:
    """Listen as a page does, from when everything is heard."""
    stream = Stream()
    with (
        httpx.Client(timeout=httpx.Timeout(5, read=60)) as client,
        client.stream("GET", f"{served.url}/changes{asked}", headers={**SSE, **headers}) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = threading.Thread(target=stream.read, args=(answer,), daemon=True)
        reader.start()
        assert stream.next()[1] == "listening"
        yield stream
        answer.close()


def write(served: Served, community: str, code: str, layer: str = "waste_point") -> None:
    """Put a place into a layer of a community; it is committed when this returns."""
    lon, lat = PLACES[community]
    body = {
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": {"code": code},
    }  # fmt: skip
    if layer == "waste_point":
        body["properties"] |= {"kind": "timed"}
    answer = httpx.post(
        f"{served.url}/collections/{layer}/items?community={community}", json=body, headers=served.headers
    )
    assert answer.status_code == 201, answer.text


def told_of(community: str, layer: str = "waste_point") -> tuple[str, str]:
    """Return the event that tells of a change of one layer, and of nothing else."""
    return "change", f'{{"{community}":["{layer}"]}}'


def test_a_commit_is_told(served: Served) -> None:
    with listening(served, served.headers) as stream:
        write(served, HERE, "A1")
        assert stream.next()[1:] == told_of(HERE)


@pytest.mark.long
@pytest.mark.alone
def test_a_commit_is_told_within_a_second(served: Served) -> None:
    with listening(served, served.headers) as stream:
        for turn in range(5):
            write(served, HERE, f"Q{turn}")
            done = time.monotonic()
            at, *event = stream.next()
            assert tuple(event) == told_of(HERE)
            assert at - done < 1.0


def test_others_communities_are_not_told_of(served: Served, own: Database) -> None:
    neighbour = signed_in(own, THERE, name="neighbour")
    worker = signed_in(own, f"{HERE}001", name="worker", role="grid_worker")
    with (
        listening(served, neighbour) as theirs,
        listening(served, worker) as grid,
        listening(served, served.headers, f"?community={THERE}") as chosen,
    ):
        # A leak would come before the next event of their own, which is of another layer.
        for layer in ("waste_point", "parking"):
            write(served, HERE, f"B1-{layer}", layer)
            write(served, THERE, f"B2-{layer}", layer)
            for stream in (theirs, chosen):
                assert stream.next()[1:] == told_of(THERE, layer)
            assert grid.next()[1:] == told_of(HERE, layer)
    answer = httpx.get(f"{served.url}/changes", headers=SSE)
    assert answer.status_code == 401
    admin = signed_in(own, HERE, name="somebody", role="admin")
    assert httpx.get(f"{served.url}/changes", headers={**SSE, **admin}).status_code == 403


def test_what_is_rolled_back_or_nobodys_business_is_not_told(served: Served, own: Database, superuser: Engine) -> None:
    write(served, HERE, "C0", "parking")
    with listening(served, served.headers) as stream:
        with own.write(Scope("test", "operator", (HERE,))) as conn:
            assert conn.execute(text("update gis.parking set space_count = 3 where code = 'C0'")).rowcount == 1
            conn.rollback()
        with superuser.begin() as conn:
            conn.execute(text("select pg_notify('gis_changes', :said)"), {"said": f"{HERE} export"})
        # What was told of them would come first; of a layer that nobody changed.
        for code in ("C1", "C2"):
            write(served, HERE, code)
            assert stream.next()[1:] == told_of(HERE)


def revoke(superuser: Engine, token: str) -> None:
    with superuser.begin() as conn:
        gone = conn.execute(
            text("delete from gis.credential where hash = decode(:digest, 'hex')"), {"digest": digest_of(token)}
        ).rowcount
    assert gone == 1


def test_an_ended_login_hears_nothing_more(served: Served, own: Database, superuser: Engine) -> None:
    token = token_for(own, HERE, name="leaving")
    with listening(served, {"Authorization": f"Bearer {token}"}) as stream:
        revoke(superuser, token)
        write(served, HERE, "D1")
        assert [stream.next()[1] for _ in range(2)] == ["ended", "closed"]


def test_a_silent_stream_says_that_it_lives_and_asks_whether_its_login_does(own: Database, superuser: Engine) -> None:
    token = token_for(own, HERE, name="silent")
    identity = identify(own, digest_of(token))
    assert identity is not None

    async def hear() -> list[str]:
        changes, reader = own.changes(), own.quick()
        await reader.open()
        heard = []
        async for piece in told(changes, reader, identity.scope, pace=Pace(heartbeat_s=0.05, check_s=0.3)):
            heard.append(piece)
            if len(heard) == 4:
                await asyncio.to_thread(revoke, superuser, token)
            assert len(heard) < 60, "the stream goes on although its login has ended"
        await changes.close()
        await reader.close()
        return heard

    heard = asyncio.run(hear())
    assert heard[0] == "retry: 3000\n\n"
    assert heard[-1] == "event: ended\ndata: {}\n\n"
    assert heard.count(": \n\n") >= 3


@pytest.mark.long
def test_a_lost_connection_is_made_anew(served: Served, superuser: Engine) -> None:
    with listening(served, served.headers) as stream:
        with superuser.begin() as conn:
            ended = conn.execute(
                text("select count(pg_terminate_backend(pid)) from pg_stat_activity"
                     " where application_name = 'gis-changes' and datname = current_database()")
            ).scalar_one()  # fmt: skip
        assert ended == 1, "one connection listens for all"
        assert stream.next()[1] == "listening"
        write(served, HERE, "E1")
        assert stream.next()[2] == f'{{"{HERE}":["waste_point"]}}'


@pytest.mark.long
def test_silence_of_both_sides_ends_no_stream(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str, tmp_path: Path
) -> None:
    with serving(
        cluster, make_database(untouched_sample), GIS_DATA_DIR=str(tmp_path), GIS_CLIENT_SECONDS="2"
    ) as impatient, listening(impatient, impatient.headers) as stream:  # fmt: skip
        # Longer than a client may be silent, and longer than the first heartbeat.
        time.sleep(17)
        assert stream.heard.empty()
        case = httpx.get(f"{impatient.url}/cases?limit=1", headers=impatient.headers).json()["cases"][0]
        made = httpx.post(
            f"{impatient.url}/cases/{case['id']}/steps", json={"step": "note", "note": "x"}, headers=impatient.headers
        )
        assert made.status_code == 201
        assert stream.next()[1] == "change"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_takes_no_stream_gets_its_first_line_only(served: Served, method: str) -> None:
    answer = httpx.request(method, f"{served.url}/changes", headers=served.headers, timeout=3)
    assert answer.status_code == 200
    assert answer.text == ("" if method == "HEAD" else ": send Accept: text/event-stream\n\n")


def ends_of(served: Served, ears: int) -> list[float]:
    """Stop a service to which many listen; return how many seconds later each of them was at its end."""
    with ExitStack() as stack:
        streams = [stack.enter_context(listening(served, served.headers)) for _ in range(ears)]
        write(served, HERE, f"F{ears}")
        assert {stream.next()[1] for stream in streams} == {"change"}
        begun = time.monotonic()
        os.kill(served.pid, signal.SIGTERM)
        ends = [stream.next() for stream in streams]
        assert {named for _, named, _ in ends} == {"closed"}
        with pytest.raises(httpx.ConnectError):
            httpx.get(served.url)
    return [at - begun for at, *_ in ends]


@pytest.mark.long
@pytest.mark.alone
def test_listeners_keep_no_service_from_stopping_within_a_second(
    cluster: LocalCluster, name: str, tmp_path: Path
) -> None:
    with serving(cluster, name, GIS_DATA_DIR=str(tmp_path)) as served:
        assert max(ends_of(served, 21)) < 1.0


def test_many_listen_beside_each_other_and_keep_no_service_from_stopping(served: Served) -> None:
    """The last test of this file: it ends the service, which the fixture then finds to have ended well."""
    assert len(ends_of(served, 20)) == 20
