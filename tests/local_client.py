"""Where a test client in this process pretends to be: at this machine."""

from __future__ import annotations

from typing import Any

LOCAL: dict[str, Any] = {"base_url": "http://localhost", "client": ("127.0.0.1", 50000)}
