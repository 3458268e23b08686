"""Reports as one HTML page: its frame, its look and its charts."""
