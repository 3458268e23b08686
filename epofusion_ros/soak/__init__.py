"""A soak test of the real node: cameras with faults for minutes or hours, and a check that the node recovers."""
