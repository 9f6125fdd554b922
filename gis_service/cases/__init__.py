"""Cases: how long each step may take, in the working time of a community."""
