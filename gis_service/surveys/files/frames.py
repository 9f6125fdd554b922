"""The one thing that crosses the pipe between reader and child: frames of JSON and bytes, never objects.

A frame is two lengths (header, body; little-endian 32 and 64 bits), a JSON header, and a body of concatenated WKB.
"""

from __future__ import annotations

import os
import select
import struct
import time
from typing import BinaryIO, Final

import orjson

_LENGTHS: Final = struct.Struct("<IQ")
_BLOCK_BYTES: Final = 1 << 20


class FrameError(Exception):
    """The other side sent no whole frame: it ended, or what it sent isn't ours."""


class FrameTimeoutError(FrameError):
    """The other side took longer than it may."""


class FrameTooLargeError(FrameError):
    """The other side sends more than it may."""


def write_frame(stream: BinaryIO, header: dict[str, object], body: bytes = b"") -> None:
    """Send one frame at once."""
    # A value read out of a file may be NaN, which JSON has no word for and orjson writes as null.
    packed = orjson.dumps(header, option=orjson.OPT_NON_STR_KEYS)
    stream.write(_LENGTHS.pack(len(packed), len(body)))
    stream.write(packed)
    stream.write(body)
    stream.flush()


class FrameReader:
    """Reads frames from a pipe, and gives the other side a budget of time and of bytes.

    Parameters
    ----------
    pipe
        The reading end; its file descriptor is read without buffering.
    wait_s
        Seconds to wait in all. Time that the caller spends with the frames doesn't count.
    most_bytes
        Bytes taken in all.
    """

    def __init__(self, pipe: BinaryIO, *, wait_s: float, most_bytes: int) -> None:
        self._pipe = pipe
        self._descriptor = pipe.fileno()
        self._wait_left_s = wait_s
        self._bytes_left = most_bytes
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN | select.POLLHUP)

    def read(self) -> tuple[dict[str, object], bytes]:
        """Wait for one frame.

        Raises
        ------
        FrameTimeoutError
            The time is used up.
        FrameTooLargeError
            The bytes are used up.
        FrameError
            The pipe ended, or the header isn't a JSON object.
        """
        header_bytes, body_bytes = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        self._bytes_left -= header_bytes + body_bytes
        if self._bytes_left < 0:
            raise FrameTooLargeError
        try:
            header = orjson.loads(self._exactly(header_bytes))
        except orjson.JSONDecodeError as error:
            raise FrameError from error
        if not isinstance(header, dict):
            raise FrameError
        return header, self._exactly(body_bytes)

    def _exactly(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count > 0:
            if self._pipe.closed:
                # The number of its descriptor may belong to another file by now.
                raise FrameError
            started = time.monotonic()
            ready = self._poll.poll(max(self._wait_left_s, 0.0) * 1000.0)
            self._wait_left_s -= time.monotonic() - started
            if not ready:
                raise FrameTimeoutError
            part = os.read(self._descriptor, min(count, _BLOCK_BYTES))
            if not part:
                raise FrameError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
