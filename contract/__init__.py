"""What the add-on and the engine agree on: words, numbers and files, nothing else.

`addon` runs inside Blender and `engine` in the worker process; neither imports the other. What both must know,
the skeleton, the motion file, the options with their defaults, the exit codes and the events, stands here once.
This package imports numpy and the standard library only, so that it loads in either process.
"""
