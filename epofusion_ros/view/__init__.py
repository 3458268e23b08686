"""A page in the browser that shows a running node: its images, figures, warnings and live parameters."""
