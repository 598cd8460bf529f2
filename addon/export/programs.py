"""The programs that a file can be for, as the export menu lists them. No bpy here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """What its menu says, and the kind of file that it reads best."""

    title: str
    description: str
    extension: str
    fbx_preset: str = "blender"


PROGRAMS = {
    "unreal": Program("Unreal", "An .fbx in centimetres with a root bone, only bones that deform", ".fbx", "unreal"),
    "unity": Program("Unity", "An .fbx in metres, Y up, only bones that deform", ".fbx", "unity"),
    "blender": Program("Blender", "A .blend to append or link from", ".blend"),
    "fbx": Program("FBX", "An .fbx for any other program", ".fbx"),
    "bvh": Program("BVH", "A .bvh: the bones and their motion alone", ".bvh"),
    "gltf": Program("glTF", "A .glb for the web and for Godot", ".glb"),
    "usd": Program("USD", "A .usd for Omniverse, Houdini and Maya", ".usd"),
}
