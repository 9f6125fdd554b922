"""The application over the sample, in this process and behind a real port; and the command line on a database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from api.cli import main
from gis_service.database import Database, connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.photos.files import PhotoFiles
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from tests.api.case_requests import Place
from tests.api.own_service import Served, serving
from tests.local_client import app_over, beside, local, token_for

Extent = tuple[float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """What a superuser counts in a database, past everything that the service does: rows and extents by layer."""

    counts: dict[str, int]
    extents: dict[str, Extent]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]
State = Callable[[], dict[str, object]]


@pytest.fixture(scope="session")
def sample_superuser(cluster: LocalCluster, sample_template: str) -> Iterator[Engine]:
    """The superuser's engine on the sample."""
    engine = open_engine(cluster.url("postgres", sample_template))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def truth(sample_superuser: Engine) -> Truth:
    """Rows and extents of the sample, counted by the superuser."""
    counts, extents = {}, {}
    box = "st_xmin(b), st_ymin(b), st_xmax(b), st_ymax(b)"
    with sample_superuser.connect() as conn:
        for name in LAYERS:
            query = f"select n, {box} from (select count(*) n, st_extent(geom) b from gis.{name}) x"
            row = conn.execute(text(query)).one()
            counts[name], extents[name] = row[0], (row[1], row[2], row[3], row[4])
    assert all(counts.values()), "the sample has an empty layer"
    return Truth(counts, extents)


@pytest.fixture(scope="session")
def sample_app(sample: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application over the sample."""
    return app_over(sample, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def client(sample_app: FastAPI, sample: Database) -> Iterator[TestClient]:
    """A client in this process; errors of the server are answers, as they are for everyone else."""
    with TestClient(sample_app, raise_server_exceptions=False, follow_redirects=False, **local(sample)) as found:
        yield found


@pytest.fixture(scope="session")
def server(cluster: LocalCluster, sample_template: str) -> Iterator[str]:
    """The address of a service over the sample, in a process of its own: GDAL holds this one's interpreter lock."""
    environment = {**os.environ, "GIS_DATABASE_URL": cluster.url("gis_app", sample_template)}
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [Path(sys.executable).with_name("gis-service"), "serve", "--port", str(port)],
        env=environment, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready http://127.0.0.1:{port}\n"
        # The pipe must be emptied, or the service stops at its log.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        reader.join(timeout=20)
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="session")
def server_token(sample: Database) -> str:
    """A token for the service over the sample."""
    return token_for(sample)


@pytest.fixture(scope="session")
def server_headers(server_token: str) -> dict[str, str]:
    """The header that the token for the service over the sample is sent in."""
    return {"Authorization": f"Bearer {server_token}"}


@pytest.fixture
def gdal_login(server_token: str) -> Iterator[None]:
    """GDAL in this process sends the token for the service over the sample."""
    # To features GDAL sends headers of its own only, not those of GDAL_HTTP_HEADERS.
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": f"token:{server_token}"})
    yield
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": None})


@pytest.fixture(scope="module")
def copied_name(make_database: Callable[..., str], untouched_sample: str) -> str:
    """The name of the module's own copy of the sample, to write into."""
    return make_database(untouched_sample)


@pytest.fixture(scope="module")
def copied(cluster: LocalCluster, copied_name: str) -> Iterator[Database]:
    """The module's own copy of the sample, as the application's role."""
    found = connect(cluster.url("gis_app", copied_name))
    yield found
    found.close()


@pytest.fixture(scope="module")
def copied_superuser(cluster: LocalCluster, copied_name: str) -> Iterator[Engine]:
    """The superuser's engine on the module's own copy of the sample."""
    engine = open_engine(cluster.url("postgres", copied_name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def served_copy(cluster: LocalCluster, copied_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service on the module's own copy of the sample, which keeps files in a folder of its own."""
    with serving(cluster, copied_name, GIS_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as found:
        yield found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> PhotoFiles:
    """Where the committee's application keeps photos."""
    return PhotoFiles(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def committee(copied: Database, photos: PhotoFiles) -> Iterator[TestClient]:
    """The residents' committee's client of an application over the module's own copy of the sample."""
    with TestClient(create_app(copied, photos=photos), **local(copied)) as found:
        yield found


@pytest.fixture(scope="module")
def street(committee: TestClient, copied: Database) -> TestClient:
    """The street's client of the same application."""
    return beside(committee, copied, COMMUNITY[:9], name="street")


@pytest.fixture(scope="module")
def place(copied_superuser: Engine) -> Place:
    """A place in the first grid that has cases."""
    with copied_superuser.connect() as conn:
        row = conn.execute(
            text("select st_x(st_centroid(geom)), st_y(st_centroid(geom)), grid from gis.hazard where grid is not null"
                 " order by grid, code limit 1")
        ).one()  # fmt: skip
    return Place(*row)


@pytest.fixture
def command(
    cluster: LocalCluster,
    database_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Command:
    """Run ``gis-service`` in this process, from its arguments to its exit code, on the module's own database."""
    monkeypatch.setenv("GIS_DATABASE_URL", cluster.url("gis_app", database_name))
    monkeypatch.setenv("GIS_DATABASE_OWNER_URL", cluster.url("gis_owner", database_name))
    monkeypatch.setenv("GIS_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    # What is printed is compared: a narrow terminal would wrap it.
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gis-service", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else int(code is not None), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, database_name: str) -> Iterator[Engine]:
    """The superuser's engine on the module's own database."""
    engine = open_engine(cluster.url("postgres", database_name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def state(superuser: Engine) -> State:
    """Return everything that a change would change: rows, history, versions, uploads, areas."""

    def read() -> dict[str, object]:
        found: dict[str, object] = {}
        with superuser.connect() as conn:
            for name in LAYERS:
                query = f"select (select count(*) from gis.{name}), (select count(*) from gis.{name}_history)"
                found[name] = tuple(conn.execute(text(query)).one())
            for table in ("layer_version", "upload", "area"):
                found[table] = sorted(map(str, conn.execute(text(f"select * from gis.{table}"))))
        return found

    return read
