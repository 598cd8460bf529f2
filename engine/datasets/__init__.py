"""Training data: motion capture, and rendered pairs of detections with exact truth."""
