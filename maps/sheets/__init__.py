"""Printed sheets: a map of the atlas on paper, at a true scale, with everything a reader needs beside it."""
