"""Backups: made, kept elsewhere, checked, and brought back."""
