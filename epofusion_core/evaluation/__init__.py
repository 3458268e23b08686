"""Metrics of fusion quality, the rules to beat, and the evaluation of methods on folders of pairs."""
