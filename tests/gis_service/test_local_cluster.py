"""The private cluster, on real PostgreSQL servers: first start, kills, adoption, and every sentence it can end with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gis_service import local_cluster, postgres_server
from gis_service.local_cluster import ROLES, ClusterError, LocalCluster

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root starts the server as another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a short folder that user postgres can enter, which pytest's own folders are not when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="gis-t-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(place: Path) -> Iterator[LocalCluster]:
    """Start a cluster; its server is stopped afterwards whoever started it."""
    made = LocalCluster(place / "data", fast=True)
    made.start()
    yield made
    made.stop()


def ask(cluster: LocalCluster, sql: str) -> object:
    """Return the one value that a query as superuser gives."""
    address = cluster.url("postgres", "postgres").replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


def server_pid(cluster: LocalCluster) -> int:
    return int((cluster.cluster / "postmaster.pid").read_text().splitlines()[0])


def test_first_start_makes_a_cluster_with_checksums_utf8_and_passwords(cluster: LocalCluster) -> None:
    assert ask(cluster, "SHOW data_checksums") == "on"
    assert ask(cluster, "SHOW server_encoding") == "UTF8"
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SHOW password_encryption") == "scram-sha-256"
    assert stat.S_IMODE((cluster.data / "passwords.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.log.stat().st_mode) == 0o600
    assert len({cluster.passwords[role] for role in ROLES}) == len(ROLES)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:wrong@/postgres?host={cluster.data / 'socket'}")


def test_fsync_stays_on_unless_the_cluster_is_thrown_away(place: Path) -> None:
    lasting = LocalCluster(place / "data")
    lasting.start()
    try:
        assert ask(lasting, "SHOW fsync") == "on"
        assert ask(lasting, "SHOW full_page_writes") == "on"
    finally:
        lasting.stop()


def test_stop_and_second_start_keep_data_and_passwords(cluster: LocalCluster) -> None:
    address = cluster.url("postgres", "postgres").replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    assert not cluster.running()
    cluster.stop()
    again = LocalCluster(cluster.data, fast=True)
    again.start()
    assert ask(again, "SELECT answer FROM kept") == 42
    assert again.url("gis_app") == cluster.url("gis_app")


def test_a_server_that_outlived_its_killed_service_is_adopted_and_stopped(place: Path) -> None:
    code = (
        "import sys, time, pathlib; from gis_service.local_cluster import LocalCluster; "
        "c = LocalCluster(pathlib.Path(sys.argv[1]), fast=True); c.lock(); c.start(); print('up', flush=True); "
        "time.sleep(60)"
    )
    service = subprocess.Popen([sys.executable, "-c", code, place / "data"], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    assert service.stdout.readline() == "up\n"
    cluster = LocalCluster(place / "data", fast=True)
    with pytest.raises(ClusterError, match=f"正被另一个服务.进程 {service.pid}.使用"):
        cluster.lock()
    service.kill()
    service.communicate()
    assert cluster.running()
    before = server_pid(cluster)
    with cluster.lock():
        cluster.start()
        assert server_pid(cluster) == before
        assert ask(cluster, "SELECT 1") == 1
        cluster.stop()
    assert not cluster.running()


@pytest.mark.long
def test_what_was_committed_survives_kill_9_of_the_server_with_a_query_running(place: Path) -> None:
    # Not a fast cluster: those answer COMMIT before the write-ahead log has left the server's memory.
    cluster = LocalCluster(place / "data")
    cluster.start()
    try:
        address = cluster.url("postgres", "postgres").replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        code = f"import psycopg; psycopg.connect({address!r}).execute('SELECT pg_sleep(60)')"
        sleeper = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        while not ask(cluster, "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"):
            time.sleep(0.05)
        os.kill(server_pid(cluster), signal.SIGKILL)
        cluster.start()
        assert sleeper.wait(timeout=10) != 0
        assert ask(cluster, "SELECT answer FROM kept") == 42
    finally:
        cluster.stop()


def test_a_pid_file_that_names_a_stranger_is_cleared(cluster: LocalCluster) -> None:
    pid_file = cluster.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    cluster.stop()
    stranger = subprocess.Popen(["/bin/sleep", "60"], **postgres_server.server_user())
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert not cluster.running()
        cluster.start()
        assert ask(cluster, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize(
    "name", ["长" * 40, pytest.param('with a space, a comma and a "quote"', marks=pytest.mark.long)]
)
def test_a_path_no_socket_fits_gets_a_short_private_folder(place: Path, name: str) -> None:
    cluster = LocalCluster(place / name / "data", fast=True)
    cluster.start()
    try:
        assert ask(cluster, "SELECT 1") == 1
        folder = Path((cluster.cluster / "postmaster.pid").read_text().splitlines()[4])
        assert folder.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        cluster.stop()
        folder.rmdir()


def test_a_socket_path_too_long_everywhere_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place / ("t" * 90)))
    with pytest.raises(ClusterError, match=r"套接字路径 .* 太长.*TMPDIR"):
        LocalCluster(place / ("d" * 90)).url("gis_app")


@needs_root
@pytest.mark.long
def test_a_stranger_in_the_socket_folder_is_refused(place: Path) -> None:
    data = place / "data"
    (data / "socket").mkdir(parents=True)
    data.chmod(0o711)
    os.chown(data / "socket", 65534, 65534)
    with pytest.raises(ClusterError, match="被别的用户占用"):
        LocalCluster(data, fast=True).start()


@needs_root
def test_a_folder_that_user_postgres_cannot_enter_is_named(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(ClusterError, match=rf"postgres 进不了 {home}:.*--data"):
        LocalCluster(home / "clone" / ".data").start()


@needs_root
@pytest.mark.long
def test_a_cluster_of_another_user_is_refused(cluster: LocalCluster) -> None:
    cluster.stop()
    os.chown(cluster.cluster, 65534, 65534)
    with pytest.raises(ClusterError, match="属于用户 65534"):
        cluster.start()


def test_a_full_disk_is_told_before_the_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(place).free
    monkeypatch.setattr(local_cluster, "MIN_FREE_BYTES", free * 2)
    with pytest.raises(ClusterError, match=r"所在磁盘只剩 .* MB"):
        LocalCluster(place / "data").start()


def test_a_disk_that_fills_up_during_the_start_is_told(place: Path) -> None:
    failure = LocalCluster(place)._failure("FATAL:  could not write file: No space left on device", "数据库起不来")
    assert re.fullmatch(r"数据库起不来:.*所在磁盘已满.*", str(failure))


def test_a_cluster_of_another_version_names_the_package(cluster: LocalCluster) -> None:
    cluster.stop()
    version = cluster.cluster / "PG_VERSION"
    kept = version.read_text()
    version.write_text("12\n")
    with pytest.raises(ClusterError, match=r"由 PostgreSQL 12 建立.*postgresql-12-postgis-3"):
        cluster.start()
    version.write_text(kept)


def test_missing_programs_are_told_with_the_package(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "DEBIAN_FOLDER", place)
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(ClusterError, match=r"apt-get install postgresql-\d+-postgis-3"):
        LocalCluster(place / "data").start()


@pytest.mark.long
def test_a_system_without_the_locale_falls_back_to_c(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local_cluster, "LOCALE", "xx_XX.UTF-8")
    cluster = LocalCluster(place / "data", fast=True)
    cluster.start()
    try:
        assert ask(cluster, "SHOW lc_collate") == "C"
        assert ask(cluster, "SELECT length('新群社区')") == 4
    finally:
        cluster.stop()
    assert "xx_XX.UTF-8" in caplog.text


def test_lost_or_broken_passwords_are_told(cluster: LocalCluster) -> None:
    path = cluster.data / "passwords.json"
    path.write_text("{}")
    with pytest.raises(ClusterError, match="已损坏"):
        cluster.url("gis_app")
    path.unlink()
    with pytest.raises(ClusterError, match="不见了"):
        cluster.url("gis_app")


@pytest.mark.long
def test_a_broken_setting_is_told_with_the_servers_own_words(cluster: LocalCluster) -> None:
    cluster.stop()
    with (cluster.cluster / "postgresql.conf").open("a") as conf:
        conf.write("wal_level = nonsense\n")
    with pytest.raises(ClusterError, match=r"数据库起不来:.*请按这句话处理"):
        cluster.start()
    assert not cluster.running()
