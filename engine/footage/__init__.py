"""A video file as upright pictures with their times."""
