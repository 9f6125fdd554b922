"""Lines of the log: gathered for a moment, never lost, in their order."""

from __future__ import annotations

import asyncio

from api.log_file import GatheredLines


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
