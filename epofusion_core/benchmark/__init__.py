"""What the engines cost on this machine: latency, memory, share of the processor's peak, and quality for it."""
