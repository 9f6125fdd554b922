"""A throw-away PostGIS cluster for the whole run; each module that writes gets its own copy of a template database."""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shapely
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import Engine, text

from gis_service.areas import create_area
from gis_service.database import Database, connect, open_engine, prepare
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import migrate
from gis_service.sample.load import COMMUNITY, load_sample
from gis_service.scope import Scope
from tests.asking import Asking

# A worker imports every test first: what is there then stays for the whole run, and needn't be looked through again.
gc.disable()

# Cores that others use as well make a page slow; what never comes fails all the same, only later.
expect.set_options(timeout=20_000)

_WAITING = {"chromium", "served_copy", "start"}
"""Fixtures of tests that wait for a browser or a service for most of their time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that wait, so that others keep the cores busy meanwhile, and not one of them is the last."""
    waiting = {item.path for item in items if _WAITING & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in waiting)


def pytest_collection_finish() -> None:
    """Let the garbage collector look after what the tests themselves make."""
    gc.freeze()
    gc.enable()


TEST_COMMUNITY = "330482002099"
TEST_BOUNDARY = shapely.box(120.99, 30.69, 121.01, 30.71)


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """A private cluster without fsync, gone after the run."""
    folder = Path(tempfile.mkdtemp(prefix="gis-test-"))
    # The database's own user must be able to enter the folder.
    folder.chmod(0o755)
    found = LocalCluster(folder / "data", fast=True)
    found.start()
    yield found
    found.stop(at_once=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def admin(cluster: LocalCluster) -> Iterator[Engine]:
    """The superuser's engine, outside transactions."""
    engine = open_engine(cluster.url("postgres", "postgres")).execution_options(isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template(cluster: LocalCluster) -> str:
    """A migrated database without rows."""
    prepare(cluster.url("postgres", "postgres"), cluster.passwords, "migrated")
    engine = open_engine(cluster.url("gis_owner", "migrated"))
    migrate(engine)
    engine.dispose()
    return "migrated"


@pytest.fixture(scope="session")
def make_database(admin: Engine, template: str) -> Callable[..., str]:
    """A function that makes a database by copying another, and returns its name; all of them go with the cluster."""
    numbers = itertools.count()

    def make(source: str = template) -> str:
        name = f"t{next(numbers):03}"
        with admin.connect() as conn:
            conn.execute(text(f"create database {name} template {source} owner gis_owner"))
        return name

    return make


@pytest.fixture(scope="module")
def database_name(make_database: Callable[..., str]) -> str:
    """The name of the module's own empty database."""
    return make_database()


@pytest.fixture(scope="module")
def database(cluster: LocalCluster, database_name: str) -> Iterator[Database]:
    """The module's own database, as the application's role; nothing in it but the schema."""
    found = connect(cluster.url("gis_app", database_name))
    yield found
    found.close()


@pytest.fixture(scope="module")
def ask(cluster: LocalCluster, database_name: str) -> Iterator[Asking]:
    """The quick way to ask the module's own database."""
    found = Asking(cluster.url("gis_app", database_name))
    yield found
    found.close()


@pytest.fixture(scope="session")
def untouched_sample(cluster: LocalCluster, make_database: Callable[..., str]) -> str:
    """A database that holds the sample community, to copy from: nobody may be connected to it."""
    name = make_database()
    found = connect(cluster.url("gis_app", name))
    with found.write(Scope("test", "operator", (COMMUNITY,))) as conn:
        load_sample(conn)
    found.close()
    return name


@pytest.fixture(scope="session")
def sample_template(make_database: Callable[..., str], untouched_sample: str) -> str:
    """A database that holds the sample community, for reading only."""
    return make_database(untouched_sample)


@pytest.fixture(scope="session")
def sample(cluster: LocalCluster, sample_template: str) -> Iterator[Database]:
    """The sample community, for reading only."""
    found = connect(cluster.url("gis_app", sample_template))
    yield found
    found.close()


@pytest.fixture(scope="session")
def ask_sample(cluster: LocalCluster, sample_template: str) -> Iterator[Asking]:
    """The quick way to ask the sample."""
    found = Asking(cluster.url("gis_app", sample_template))
    yield found
    found.close()


@pytest.fixture(scope="session")
def staff() -> Scope:
    """Someone who sees the whole of the sample and of the test community."""
    return Scope("test", "staff", (COMMUNITY, TEST_COMMUNITY))


@pytest.fixture(scope="module")
def area(database: Database, staff: Scope) -> str:
    """A registered community in the module's database: a box of 0.02 degrees around 121.0 E, 30.7 N."""
    with database.write(staff) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
    return TEST_COMMUNITY


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running Chromium that asks nobody for anything; it ends with the module, as its event loop is the thread's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()
