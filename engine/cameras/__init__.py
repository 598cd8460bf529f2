"""What is known or found of the camera: pinhole, path, focal length."""
