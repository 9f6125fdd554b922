"""Where commands print: tables and progress for people, one sentence for what went wrong.

What is printed holds names and codes that people wrote: a bracket or a colon in them is no markup and no picture.
"""

from __future__ import annotations

from rich.console import Console

CONSOLE = Console(highlight=False, markup=False, emoji=False)
ERRORS = Console(stderr=True, highlight=False, markup=False, emoji=False, style="bold red")
