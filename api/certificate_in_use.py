"""The certificate that the running service shows: read anew as soon as its file is another one."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from gis_service.certificates.folder import Certificate, CertificateFolder, context_of
from gis_service.errors import InputError

_Stamp = tuple[int, int, int]


class CertificateInUse:
    """What connections are made with: a certificate that was renewed serves the next one, without a restart.

    Parameters
    ----------
    folder
        Where it lies.
    complain
        Told in a sentence when a file that took its place can't be served; the old one goes on being served.

    Raises
    ------
    InputError
        When what lies there from the beginning can't be served.
    """

    def __init__(self, folder: CertificateFolder, complain: Callable[[str], None] = lambda _said: None) -> None:
        self._folder, self._complain = folder, complain
        self._stamp = self._stamp_of_file()
        self._context, self.held = self._read()

    def context(self) -> ssl.SSLContext:
        """Return how to speak TLS now; a look at the file costs nothing beside a handshake."""
        stamp = self._stamp_of_file()
        if stamp not in {None, self._stamp}:
            self._stamp = stamp
            try:
                self._context, self.held = self._read()
            except InputError as error:
                self._complain(f"新的证书没有换上,仍用旧的:{error}")
        return self._context

    def _read(self) -> tuple[ssl.SSLContext, Certificate]:
        # A context of its own: one that is being changed may serve a handshake with half of each.
        context, held = context_of(self._folder.server), self._folder.certificate()
        if held is None:
            raise InputError(f"{self._folder.server} 不见了。", f"{self._folder.server} has gone.")
        return context, held

    def _stamp_of_file(self) -> _Stamp | None:
        try:
            found = self._folder.server.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
