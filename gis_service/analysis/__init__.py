"""Analyses: pure functions of one community."""
