"""A grid worker's day on the street: where to go, why, in which order, and what the office sees of it."""
