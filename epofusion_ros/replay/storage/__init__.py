"""The files that bags are stored in, read as far as they can be read: MCAP, SQLite, ROS 1."""
