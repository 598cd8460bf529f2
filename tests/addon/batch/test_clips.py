from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from kinolift_extension.addon.batch.clips import Clip, check_apart, output_name, read_clips, read_exports, safe_name
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.options import CaptureOptions

DEFAULT = Clip(Path(), "", CaptureOptions(height=1.8), (), "auto", (".npz",))


def touched(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_a_folder_gives_all_videos_below_it_in_order_each_with_a_name_of_its_own(tmp_path: Path) -> None:
    touched(tmp_path, "b.mp4", "a.MOV", "a.mp4", "day/1/b.mkv", "notes.txt", ".kinolift/x.mp4", "take.npz", "A.webm")
    clips = read_clips([tmp_path], DEFAULT)
    assert [(clip.source.name, clip.name) for clip in clips] == [
        ("A.webm", "A"), ("a.MOV", "a_mov"), ("a.mp4", "a_mp4"), ("b.mp4", "b"), ("b.mkv", "day_1_b"),
    ]  # fmt: skip
    assert {clip.options.height for clip in clips} == {1.8} and not any(clip.is_take for clip in clips)


def test_a_folder_without_videos_gives_its_takes(tmp_path: Path) -> None:
    touched(tmp_path, "walk.npz", "run.npz", "below/x.npz")
    assert [clip.name for clip in read_clips([tmp_path], DEFAULT)] == ["run", "walk"]


def test_a_list_says_what_is_special_about_a_clip(tmp_path: Path) -> None:
    touched(tmp_path, "a.mp4", "hero.blend", "b.fbx")
    (tmp_path / "list.csv").write_text("Video;height;start;name;rig;export\na.mp4;1.62;75f;Anna;hero.blend;fbx\nsub/b.mp4;;;;;\n")
    (tmp_path / "jobs.toml").write_text(
        '[all]\nheight = 1.7\nrig = ["hero.blend", "b.fbx"]\n[[clip]]\nvideo = "a.mp4"\nsmooth = 0.8\n'
        '[[clip]]\nvideo = "/c.mp4"\nheight = 2\n'
    )
    anna, b = read_clips([tmp_path / "list.csv"], DEFAULT)
    assert (anna.source, anna.name, anna.options.height, anna.options.start) == (tmp_path / "a.mp4", "Anna", 1.62, "75f")
    assert anna.rigs == (tmp_path / "hero.blend",) and anna.exports == (".fbx",)
    assert (b.name, b.options, b.rigs, b.exports) == ("b", DEFAULT.options, (), (".npz",))
    a, c = read_clips([tmp_path / "jobs.toml"], DEFAULT)
    assert (a.options.height, a.options.smooth, c.options.height) == (1.7, 0.8, 2.0)
    assert a.rigs == (tmp_path / "hero.blend", tmp_path / "b.fbx") and c.source == Path("/c.mp4")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "clip,height\na.mp4,1\n", "no column 'video'"),
        ("a.csv", "video,heigth\na.mp4,1\n", "no option 'heigth'"),
        ("a.csv", "video,height\na.mp4,tall\n", "clip 1: height is 'tall'"),
        ("a.csv", "video,height\na.mp4,1.7\na.mp4,99\n", "clip 2: --height is 99"),
        ("a.csv", "video\na.mp4,1,2\n", "more values than"),
        ("a.csv", "video,export\na.mp4,avi\n", "'.avi'"),
        ("a.csv", "video,rig\na.mp4,none.blend\n", "There is no rig"),
        ("a.csv", "video\n", "no clip"),
        ("a.toml", "[[clip]]\nheight = 1.7\n", "names no video"),
        ("a.toml", "[[klip]]\n", "a table 'klip'"),
        ("a.toml", "clip = 3", "no tables"),
        ("a.toml", "= [", "is not a list of clips"),
        ("a.csv", "\0\xff", "is not a list of clips|no column"),
    ],
)
def test_a_list_that_is_none_is_told_in_a_sentence(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(Failure, match=said) as failure:
        read_clips([tmp_path / name], DEFAULT)
    assert failure.value.message.count("\n") == 0


def test_names_fit_every_disk() -> None:
    assert safe_name('a/b\nc:"d"?') == "a_b_c_d_" and safe_name("...") == "clip" and safe_name("日本") == "日本"
    long = {safe_name("日" * 200), safe_name("日" * 201)}
    assert len(long) == 2 and all(len(name.encode()) <= 100 for name in long)
    assert safe_name("a\udcff") == "a?".replace("?", "_") or safe_name("a\udcff").isprintable()


def test_kinds_of_files() -> None:
    assert read_exports(" fbx, .NPZ,fbx ") == (".fbx", ".npz")
    with pytest.raises(Failure, match=r"'\.mp4'"):
        read_exports("fbx,mp4")


def clip(name: str, shot: str = "longest", rigs: tuple[str, ...] = (), exports: tuple[str, ...] = (".npz",)) -> Clip:
    return Clip(Path(f"{name}.mp4"), name, CaptureOptions(shot=shot), tuple(Path(rig) for rig in rigs), "auto", exports)


def test_a_file_is_named_after_its_rig_its_clip_and_its_label() -> None:
    two = clip("walk", rigs=("a/hero.fbx", "hero.blend"))
    assert output_name(two, Path("a/hero.fbx"), ".glb", "shot2") == "hero_fbx_walk.shot2.glb"
    assert output_name(clip("walk", rigs=("hero.fbx",)), Path("hero.fbx"), ".glb") == "hero_walk.glb"
    assert output_name(clip("walk.v2"), None, ".bvh", "shot1") == "walk.v2.shot1.bvh"


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        ([clip("walk", "all"), clip("Walk.shot2")], "walk and Walk.shot2"),
        ([clip("walk.shot2"), clip("walk", "all")], "walk.shot2 and walk"),
        ([clip("walk.shot1.person2"), clip("walk", "all")], "would both write walk.npz"),
        ([clip("walk", rigs=("hero.fbx",), exports=(".fbx",)), clip("hero_walk", exports=(".fbx",))], "both write hero_walk.fbx"),
        ([clip("walk", rigs=("a/hero.fbx", "b/hero.fbx"), exports=(".fbx",))], "Two rigs of walk"),
    ],
)
def test_two_clips_that_would_write_one_file_are_refused(clips: list[Clip], said: str) -> None:
    with pytest.raises(Failure, match=said):
        check_apart(clips)


def test_names_that_only_look_alike_are_no_trouble() -> None:
    check_apart([clip("walk", "all"), clip("walk_2", "all"), clip("walk.shot"), clip("run.shot2"), clip("walking.shot1")])
    check_apart([clip("walk", rigs=("a.fbx", "b.fbx"), exports=(".npz", ".fbx")), clip("walk.shot2")])


def test_a_list_says_who_of_several_people_is_meant(tmp_path: Path) -> None:
    touched(tmp_path, "a.mp4")
    (tmp_path / "list.csv").write_text('video,person,people\na.mp4,2,\na.mp4,"0.3,0.5@2.5",6\na.mp4,all,\na.mp4,left,1\na.mp4,,\n')
    clips = read_clips([tmp_path / "list.csv"], DEFAULT)
    assert [clip.options.person for clip in clips] == ["2", "0.3,0.5@2.5", "all", "left", "main"]
    assert [clip.options.people for clip in clips] == [4, 6, 4, 1, 4]
    assert [clip.several for clip in clips] == [False, False, True, False, False]
    assert len({clip.name for clip in clips}) == 5
    (tmp_path / "bad.toml").write_text('[[clip]]\nvideo = "a.mp4"\nperson = "the tall one"\n')
    with pytest.raises(Failure, match=r"bad\.toml, clip 1: --person is 'the tall one'"):
        read_clips([tmp_path / "bad.toml"], DEFAULT)
    with pytest.raises(Failure, match="would both write"):
        check_apart([replace(clip("walk"), options=CaptureOptions(person="all")), clip("walk.person2")])
