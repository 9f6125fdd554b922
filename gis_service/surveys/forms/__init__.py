"""Blank forms of a layer, derived from its declaration: a table for Excel, a form for phones."""
