"""Detectors of different make, each behind the same call."""
