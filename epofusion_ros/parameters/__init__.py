"""The node's parameters: declared once, as dataclass fields; the node, files and documents read them from there."""
