"""Passwords: argon2id with the parameters that OWASP gives (19 MiB, two passes, one lane)."""

from __future__ import annotations

import secrets

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gis_service.errors import InputError

SHORTEST, LONGEST = 10, 200
"""Characters of a password; the longest bounds what hashing costs."""

_HASH = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_NOBODYS = _HASH.hash(secrets.token_urlsafe(16))
"""What an unknown account's password is compared with, so that it takes as long as a known one's."""

# Letters and digits that aren't mistaken for each other when they are read out or copied by hand.
_CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"


def hashed(password: str) -> str:
    """Return what is stored of a password.

    Raises
    ------
    InputError
        When it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"口令要 {SHORTEST} 到 {LONGEST} 个字符;可以是几个词连在一起。",
            f"A password has {SHORTEST} to {LONGEST} characters.",
        )
    return _HASH.hash(password)


def verified(password: str, stored: str | None) -> bool:
    """Return whether a password is the stored one; without a stored one it takes as long and is wrong."""
    right = _HASH.verify(password[:LONGEST], stored or _NOBODYS)
    return right and stored is not None


def made() -> str:
    """Return a password that nobody chose: 16 clear characters, 79 bits."""
    return "".join(secrets.choice(_CLEAR) for _ in range(16))
