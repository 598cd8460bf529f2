"""Kinolift's worker: from a video to a motion file. An ordinary Python package that never imports bpy.

Nothing that it loads may use the network: a video's maker was promised that it stays on the machine, and Blender asks its users first. Two
of the libraries report to their makers by themselves. ONNX Runtime does from its import on, whatever `disable_telemetry_events` is told
later, unless a word in the environment forbids it. MediaPipe's landmarkers send figures of their use and have no switch; they go by the
proxy that the environment names, and here that is a door behind which nobody is. Both are read when the libraries are loaded, so this
stands before every module that could load them; child processes inherit it.
"""

import os

NOBODY = "http://127.0.0.1:9"  # the port that is set aside for what is thrown away; nothing answers there

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
for _name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ[_name] = os.environ[_name.upper()] = NOBODY
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = "localhost,127.0.0.1"
