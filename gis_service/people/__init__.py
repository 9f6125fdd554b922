"""People: accounts, what they may do and where, and how a request proves whose it is."""
