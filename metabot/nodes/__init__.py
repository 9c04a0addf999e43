"""ROS 2 nodes: thin, managed, the only place that imports rclpy."""
