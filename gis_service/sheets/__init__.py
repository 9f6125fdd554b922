"""Sheets that were asked for: what each is of, by whom, which data it shows; and the files."""
