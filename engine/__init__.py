"""Kinolift's worker: from a video to a motion file. An ordinary Python package that never imports bpy."""
