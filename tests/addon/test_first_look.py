"""Who is in the first frame: found by the worker (here its stand-in), shown with a number each, and chosen."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import bpy
import kinolift_drawing as drawing
import pytest
from kinolift_extension import addon
from kinolift_extension.addon import first_look, people_operators, worker
from kinolift_extension.addon.panel import video
from kinolift_extension.contract.options import read_person


@pytest.fixture(autouse=True)
def registered(blender, tmp_path):
    addon.register()
    (tmp_path / "clip.mp4").write_bytes(b"not looked at by the stand-in")
    bpy.context.scene.kinolift.video = str(tmp_path / "clip.mp4")
    yield
    addon.unregister()


def ours():
    return set(Path(tempfile.gettempdir()).glob("kinolift-*"))


def test_who_is_there_is_found_shown_and_chosen(fake_python):
    fake_python("fine")
    settings, status, before = bpy.context.scene.kinolift, bpy.context.window_manager.kinolift, ours()
    assert first_look.picture() is None and not status.people
    assert bpy.ops.kinolift.find_people() == {"FINISHED"}
    assert [(person.number, person.place) for person in status.people] == [(1, "0.3125,0.4444@0.500"), (2, "0.5625,0.4444@0.500")]
    assert read_person(status.people[1].place).x == 0.5625, "the option takes it"
    assert first_look.picture() is not None and not worker._alive and not people_operators._looking
    calls = drawing.draw(video.draw, None)
    assert "template_icon" in [name for name, _ in calls]
    buttons = [given for name, given in calls if name == "operator" and given["operator"] == "kinolift.choose_person"]
    assert [button["text"] for button in buttons] == ["1", "2"] and not any(button["depress"] for button in buttons)
    assert bpy.ops.kinolift.choose_person(person=status.people[1].place) == {"FINISHED"}
    assert settings.person == status.people[1].place and settings.person_shown == "picked"
    assert settings.options()["person"] == settings.person, "the capture gets it"
    chosen = [given["depress"] for name, given in drawing.draw(video.draw, None) if given.get("operator") == "kinolift.choose_person"]
    assert chosen == [False, True]
    assert len(ours() - before) == 1, "the picture's folder alone"
    bpy.ops.kinolift.find_people()
    assert len(ours() - before) == 1
    first_look.forget()
    assert ours() == before and first_look.picture() is None


def test_another_video_forgets_who_was_chosen(fake_python, tmp_path):
    fake_python("fine")
    bpy.ops.kinolift.find_people()
    settings = bpy.context.scene.kinolift
    settings.person = "0.5,0.5"
    (tmp_path / "other.mp4").write_bytes(b"another")
    settings.video = str(tmp_path / "other.mp4")
    assert settings.person == "main" and "kinolift.choose_person" not in drawing.operators(drawing.draw(video.draw, None))
    settings.person = "all"
    settings.video = str(tmp_path / "clip.mp4")
    assert settings.person == "all"


def test_the_drop_down_says_the_same_as_the_option():
    settings = bpy.context.scene.kinolift
    for name in ("main", "left", "2", "all"):
        settings.person_shown = name
        assert settings.person == name and settings.person_shown == name
    settings.person = "0.3,0.5@2"
    assert settings.person_shown == "picked"
    settings.person_shown = "picked"
    assert settings.person == "0.3,0.5@2", "it chooses nobody else"


@pytest.mark.parametrize("person", ["x", "0.3", "2,3", "-1", ""])
def test_a_person_that_cannot_be_is_refused(person):
    with pytest.raises(RuntimeError, match="it takes a person's number"):
        bpy.ops.kinolift.choose_person(person=person)
    assert bpy.context.scene.kinolift.person == "main"


def test_what_goes_wrong_is_told_and_leaves_nothing(fake_python):
    status, before = bpy.context.window_manager.kinolift, ours()
    fake_python("nobody")
    with pytest.raises(RuntimeError, match="Nobody is in the first frame"):
        bpy.ops.kinolift.find_people()
    assert status.error.startswith("Nobody is in the first frame") and not status.people and not status.looking
    bpy.context.scene.kinolift.video = ""
    assert not bpy.ops.kinolift.find_people.poll()
    assert ours() == before and not worker._alive


def test_a_look_that_is_given_up_ends_its_worker(fake_python, tmp_path):
    before = ours()
    fake_python("fine")
    look = first_look.Look(tmp_path / "clip.mp4")
    look.close()
    time.sleep(0.05)
    assert not worker._alive and ours() == before
