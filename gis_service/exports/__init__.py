"""A layer's features as files: tables for people, vector files for desktop programmes."""
