"""Where the command line begins: everything is imported without the garbage collector, which then passes over it.

What is imported stays for good. Looking through it again and again while it grows takes a sixth of a command's start.
"""

from __future__ import annotations

import gc


def main() -> None:
    """Import the commands and run the one that was asked for."""
    gc.disable()
    from api.cli import main as run  # noqa: PLC0415 - what is imported is what this module is about

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
