"""Survey files as they are read: in a fenced child process, into rows with geometries in CGCS2000."""
