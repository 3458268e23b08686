"""The demo: the real node in its own process, fed over DDS, and what it made of it as video, pictures and a report."""
