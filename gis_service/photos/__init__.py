"""Photos of cases: made anew from what was sent, kept by their hash beside the database, part of every backup."""
