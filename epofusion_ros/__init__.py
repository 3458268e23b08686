"""ROS 2 side of EPOFusion: node, command line, demo. Depends on `epofusion_core`, never the other way round."""
