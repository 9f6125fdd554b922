"""What can go wrong, said so that a clerk can act on it; free of HTTP, which maps each class to a status."""

from __future__ import annotations


class ServiceError(Exception):
    """A request that can't be carried out. ``str(error)`` is one Chinese sentence; ``english`` the same in English."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(chinese)
        self.english = english


class InputError(ServiceError):
    """What was given can't be used as it is."""


class NotFoundError(ServiceError):
    """There is no such thing, or the scope doesn't reach it."""


class ConflictError(ServiceError):
    """The change contradicts what is stored."""


class UnavailableError(ServiceError):
    """The service can't work now: the database is away or not prepared."""


class ForbiddenError(ServiceError):
    """Whoever asks may not do this."""


class UnauthenticatedError(ServiceError):
    """Nobody is logged in, or what was given proves nothing."""


class EndedError(UnauthenticatedError):
    """The credential that gave the scope gives something else by now, or nothing."""


class TooManyAttemptsError(ServiceError):
    """Too many attempts to log in; later there will be more."""
