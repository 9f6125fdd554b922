"""Whose a request is: the secret that it brings, and what that gives.

What a secret gave is remembered for a minute, so that a request costs no round trip of its own; every transaction
asks whether it still holds (see :mod:`gis_service.scope`), so that a login that was revoked is dead at once.
"""

from __future__ import annotations

import binascii
import time
from base64 import b64decode
from collections import OrderedDict

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from gis_service.database import Database
from gis_service.people.logins import Identity, digest_of, identify

_REMEMBERED, _SECONDS = 4096, 60.0


class Identities:
    """What secrets gave lately."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[float, Identity]] = OrderedDict()

    async def of(self, digest: str) -> Identity | None:
        """Return whose a secret is, by its digest; None when it gives nothing."""
        read_at, identity = self._known.get(digest, (0.0, None))
        if identity is None or time.monotonic() - read_at > _SECONDS:
            self._known.pop(digest, None)
            identity = await run_in_threadpool(identify, self._database, digest)
            if identity is not None:
                self._known[digest] = time.monotonic(), identity
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return identity

    def forget(self, digest: str) -> None:
        """Ask anew the next time."""
        self._known.pop(digest, None)


def secret_of(request: Request, cookie: str) -> str | None:
    """Return the secret that a request brings: a token as Bearer or as the password of Basic, or the cookie.

    Basic is what QGIS, GDAL, OWSLib and browsers' address lines can send; the name beside the token says nothing.
    """
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() == "basic":
        try:
            return b64decode(given.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return request.cookies.get(cookie)


def digest_brought(request: Request, cookie: str) -> str | None:
    """Return the digest of the secret that a request brings, None when it brings none."""
    secret = secret_of(request, cookie)
    return None if secret is None else digest_of(secret)
