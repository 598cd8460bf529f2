"""From refined joints in the camera to the finished motion: scale, path, ground, feet, rotations."""
