"""The lifecycle node: the files that need rclpy, wired together in fusion_node.py and run by main.py."""
