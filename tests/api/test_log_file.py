"""Lines of the log: gathered for a moment, never lost, in their order."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson

from api.log_file import GatheredLines
from gis_service.local_cluster import LocalCluster
from tests.api.own_service import serving


def test_lines_are_written_together_and_soon() -> None:
    written: list[bytes] = []
    there = asyncio.Event()

    def write(lines: bytes) -> None:
        written.append(lines)
        there.set()

    log = GatheredLines(write)

    async def work() -> None:
        log.add(b"1\n")
        log.add(b"2\n")
        assert written == []
        async with asyncio.timeout(20):
            await there.wait()
        assert written == [b"1\n2\n"]
        log.add(b"3\n")
        log.flush()
        assert written == [b"1\n2\n", b"3\n"]
        log.add(b"4\n")

    asyncio.run(work())
    log.flush()
    log.flush()
    assert written == [b"1\n2\n", b"3\n", b"4\n"]


def test_the_last_requests_are_in_the_log_when_the_service_stops(
    cluster: LocalCluster, make_database: Callable[..., str], tmp_path: Path
) -> None:
    name = make_database()
    # Nothing but the end of the service writes them.
    start = "import api.log_file as log; log._GATHERED_SECONDS = 600; from api.command_line import main; main()"
    with serving(cluster, name, (sys.executable, "-c", start), GIS_DATA_DIR=str(tmp_path)) as served:
        for number in range(5):
            assert httpx.get(f"{served.url}/static/none-{number}", timeout=20).status_code == 404
        assert (tmp_path / "logs" / "requests.jsonl").read_bytes() == b""
    lines = [orjson.loads(line) for line in (tmp_path / "logs" / "requests.jsonl").read_bytes().splitlines()]
    assert [line["path"] for line in lines][-5:] == [f"/static/none-{number}" for number in range(5)]
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.\d{3}\+00:00", line["at"]) for line in lines)
    assert len({line["id"] for line in lines}) == len(lines)
