"""The diffusion refiner: a lifter's 3D guess and its 2D joints go in, a better 3D pose and its uncertainty come out."""
