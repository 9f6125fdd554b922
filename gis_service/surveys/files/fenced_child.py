"""Starting the process that touches a file from outside: one request goes in, frames come back, and it is gone."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import orjson

from gis_service.surveys.files.fence import child_environment

_log = logging.getLogger(__name__)


@contextmanager
def fenced_child(module: str, folder: str, request: Mapping[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a module in an empty folder with a clean environment, send it a request, and see it gone at the end.

    Parameters
    ----------
    request
        Sent as JSON on its standard input, which is closed then.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-s", "-B", "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, cwd=folder, env=child_environment(), bufsize=0, start_new_session=True,
    )  # fmt: skip
    try:
        with process:
            try:
                _send(process, orjson.dumps(request))
                yield process
            finally:
                process.kill()
    finally:
        process.wait()


def _send(process: subprocess.Popen[bytes], request: bytes) -> None:
    stdin = cast("BinaryIO", process.stdin)
    try:
        stdin.write(request)
        stdin.close()
    except BrokenPipeError:
        # It ended already; reading its answer says why.
        _log.warning("the child that reads a file ended before it was asked")
