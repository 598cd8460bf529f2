"""Many clips in one run: `batch`. It can be ended at any moment and goes on where it was; see docs/batch.md.

    command    the words of the command, and the run as a whole
    clips      what there is to do: folders, lists and files read into clips
    records    what was done: a record a clip, the lock of the folder
    work       one clip: captured in a process of its own, retargeted and exported by a Blender that stays
    blender    that Blender: asked on standard input, answers on standard output
    report     report.jsonl and report.html
"""
