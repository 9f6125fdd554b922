"""What phones did without a signal: taken in once, merged field by field, and kept for a person where it clashes."""
