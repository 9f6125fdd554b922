"""Values in the files that people sent: a fenced child process looks, and what holds one is deleted as a whole."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from gis_service.erasure.values import Values
from gis_service.surveys.files.fence import child_environment
from gis_service.surveys.files.limits import JOB
from gis_service.surveys.files.looking import ABSENT, FOUND, UNKNOWN

_WAIT_SECONDS = JOB.wall_s
_AT_ONCE = 20
"""Files that one child looks into: its processor time is bounded, whatever it was spent on."""


def search_files(paths: Sequence[Path], values: Values) -> Iterator[tuple[Path, str]]:
    """Say of each file whether a value stands in it: ``found``, ``absent``, or ``unknown``.

    A file at which the child process dies, or takes longer than reading it may, is unknown; the next child goes on
    after it.
    """
    left = list(paths)
    while left:
        asked = left[:_AT_ONCE]
        verdicts = _ask(asked, values)
        yield from zip(asked, verdicts, strict=False)
        left = left[len(verdicts) :]
        if len(verdicts) < len(asked):
            yield left.pop(0), UNKNOWN


def _ask(paths: Sequence[Path], values: Values) -> list[str]:
    request = orjson.dumps(
        {"paths": [str(path) for path in paths], "values": list(values.values), "limits": asdict(JOB)}
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "gis_service.surveys.files.looking"], input=request, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=child_environment(), cwd=folder, timeout=_WAIT_SECONDS, check=False,
            )  # fmt: skip
            told = done.stdout
        except subprocess.TimeoutExpired as error:
            told = error.stdout or b""
    return [line for line in told.decode("ascii", errors="replace").splitlines() if line in {FOUND, ABSENT, UNKNOWN}]


def blot_log(path: Path, values: Values) -> int:
    """Overwrite the values in a log, sign by sign, while whoever writes it goes on; return how many there were."""
    found = 0
    with path.open("r+b") as file:
        held = file.read()
        for match in values.bytes_pattern().finditer(held):
            file.seek(match.start())
            file.write(b"*" * (match.end() - match.start()))
            found += 1
    return found
