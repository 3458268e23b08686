"""The demo: the real node in its own process, fed over DDS, and its output as video, pictures and a report."""
