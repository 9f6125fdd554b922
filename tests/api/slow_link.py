"""A weak signal between a phone and the service."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class SlowLink:
    """A way to the service on which, while ``slow`` is set, what a phone sends goes at 2 kB a second."""

    def __init__(self, port: int) -> None:
        self.slow = threading.Event()
        self._to = port
        self._heard = socket.create_server(("127.0.0.1", 0))
        self.port = self._heard.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            phone, _ = self._heard.accept()
            service = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass, args=(phone, service, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(service, phone, False), daemon=True).start()

    def _pass(self, giving: socket.socket, taking: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while part := giving.recv(1000 if up and self.slow.is_set() else 65536):
                taking.sendall(part)
                if up and self.slow.is_set():
                    time.sleep(len(part) / 2000)
        for one in (giving, taking):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
