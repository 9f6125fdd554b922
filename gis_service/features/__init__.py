"""Features of a layer: select, read, stream, tile, find nearby, stage and write."""
