"""What happens to frames between arrival and publication: counting, pairing, the mailbox, fusing. Needs no rclpy."""
