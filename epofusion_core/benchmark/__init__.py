"""Benchmarks of the engines on this machine: latency, memory, share of the processor's peak, and quality."""
