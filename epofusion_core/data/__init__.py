"""Exposure-aware data: readers of paired images, synthetic glare, the IVOE pipeline, and the training set."""
