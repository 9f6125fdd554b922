"""Where commands print: tables and progress for people, one sentence for what went wrong."""

from __future__ import annotations

from rich.console import Console

CONSOLE = Console(highlight=False)
ERRORS = Console(stderr=True, highlight=False, style="bold red")
