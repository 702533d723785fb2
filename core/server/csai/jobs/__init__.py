"""What is done without anybody asking: durable, and by one process at a time."""
