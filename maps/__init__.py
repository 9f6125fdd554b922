"""How it is drawn: pages from answers, no SQL."""
