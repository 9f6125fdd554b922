"""Survey files on their way in: read in a fenced child process, matched to a layer, proposed, committed."""
