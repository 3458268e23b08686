"""Messages of images to arrays and back, and the names of the node's topics. Needs no rclpy."""
