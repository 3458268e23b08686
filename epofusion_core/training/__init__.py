"""Training: the losses of the paper, the trainer and its configuration."""
