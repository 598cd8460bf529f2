"""What the detector says of each frame, and its models."""
