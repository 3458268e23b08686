"""Evaluation of recorded drives: what the node would have done, how good it is, how it looks. Needs no ROS."""
