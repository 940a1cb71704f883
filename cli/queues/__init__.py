"""`regulars queues`: what waits, and what failed for good."""
