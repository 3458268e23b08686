"""Bringing the thermal image onto the RGB image's pixels: geometry, calibration files, and the edge of the overlap."""
