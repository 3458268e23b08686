"""A soak of the real node: cameras that misbehave for minutes or hours, and a check that nothing of it stays."""
