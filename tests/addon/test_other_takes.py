"""Takes of other people and other shots of one video: which there are, going to them, and making them of what was detected."""

from __future__ import annotations

import bpy
import kinolift_drawing as drawing
import pytest
from kinolift_extension import addon
from kinolift_extension.addon.camera import camera_of
from kinolift_extension.addon.capture import Placement, place_motion
from kinolift_extension.addon.keeping import DETECTION, motion_of, record_of
from kinolift_extension.addon.other_takes import PERSON, SHOT, Which, which
from kinolift_extension.addon.panel import review


@pytest.fixture(autouse=True)
def registered(blender):
    addon.register()
    yield
    addon.unregister()


@pytest.fixture
def make_take(make_motion):
    """make_take(name, shot, person, start): a take of a video of three shots, of which the second shows nobody, and three people."""

    def make(name="dance", shot=1, person=1, start=1, sha="abc", frames=12):
        shots = [{"number": number, "frames_detected": seen} for number, seen in ((1, 20), (2, 0), (3, 9))]
        summary = {"shot": shot, "shots": shots, "person": person, "people": [{"number": number} for number in (1, 2, 3)]}
        told = {"summary": summary, "source": {"sha256": sha}, "options": {"height": 1.8, "shot": str(shot), "person": str(person)}}
        motion = make_motion(frames, provenance=told)
        take = place_motion(motion, bpy.context.scene, name, Placement("match", start=start, add_camera=True)).armature
        take.data[DETECTION] = b"detected"
        bpy.context.view_layer.objects.active = take
        return take

    return make


def test_which_there_are(make_take, make_motion):
    own = which(make_take(shot=3, person=2))
    assert own == Which(3, (1, 3), 2, (1, 2, 3))
    assert [own.next(kind) for kind in (SHOT, PERSON)] == [1, 3]
    assert (own.label(PERSON, 3), own.label(SHOT, 1)) == ("shot3.person3", "shot1")
    alone = which(place_motion(make_motion(3), bpy.context.scene, "alone", Placement()).armature)
    assert alone == Which(1, (1,), 1, (1,)) and not alone.next(SHOT) and not alone.next(PERSON)


def test_a_take_that_is_there_is_gone_to(make_take):
    first, third = make_take(), make_take("dance.shot1.person3", person=3, start=40)
    make_take("other", person=2, sha="another video")
    second_shot = make_take("dance.shot3", shot=3)
    objects, scene = len(bpy.data.objects), bpy.context.scene
    bpy.context.view_layer.objects.active = third
    scene.frame_set(45)
    assert bpy.ops.kinolift.next_person() == {"FINISHED"}
    assert bpy.context.object == first and scene.camera == camera_of(first) and scene.frame_current == 1
    assert bpy.ops.kinolift.next_shot() == {"FINISHED"} and bpy.context.object == second_shot
    assert len(bpy.data.objects) == objects, "nothing is made anew"


@pytest.mark.parametrize(
    ("kind", "name", "words"), [(PERSON, "dance.shot1.person2", ("--person", "2")), (SHOT, "dance.shot3", ("--shot", "3"))]
)
def test_one_that_is_missing_is_made_of_what_was_detected(fake_python, make_take, kind, name, words):
    fake_python("fine", frames=30)
    first = make_take()
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end) == (1, 12)
    assert getattr(bpy.ops.kinolift, f"next_{kind}")() == {"FINISHED"}
    made = bpy.context.object
    assert made != first and made.name == name and made.data[DETECTION] == b"detected" and camera_of(made) is not None
    said = motion_of(made).provenance["words"]
    assert said[3].endswith("detection.npz") and said[said.index(words[0]) + 1] == words[1] and said[said.index("--height") + 1] == "1.8"
    assert ("--world" in said) == (kind == PERSON), "another person of the shot is put into this one's world"
    assert ("world_of" in record_of(first)["provenance"]["summary"]) == (kind == PERSON)
    assert (scene.frame_start, scene.frame_end) == (1, 30), "the range was the take's alone, and is of both now"


def test_without_a_detection_it_says_what_to_do(make_take):
    take = make_take()
    del take.data[DETECTION]
    with pytest.raises(RuntimeError, match="without what was detected; capture its video again"):
        bpy.ops.kinolift.next_person()


def test_the_review_offers_what_there_is(make_take, make_motion):
    calls = drawing.draw(review.draw, make_take(person=2))
    assert {"kinolift.next_person", "kinolift.next_shot"} <= set(drawing.operators(calls))
    assert "Person 2 of 3" in drawing.texts(calls) and "Shot 1 of 3" in drawing.texts(calls)
    alone = place_motion(make_motion(3), bpy.context.scene, "alone", Placement()).armature
    assert not {"kinolift.next_person", "kinolift.next_shot"} & set(drawing.operators(drawing.draw(review.draw, alone)))
    bpy.context.view_layer.objects.active = alone
    assert not bpy.ops.kinolift.next_person.poll() and not bpy.ops.kinolift.next_shot.poll()
