"""What makes the refiner quick: other ways to compute the same network."""
