"""Training of the lifter and the refiner."""
