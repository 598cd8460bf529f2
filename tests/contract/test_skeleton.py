import pytest

from contract.skeleton import ARMATURE_24, BODY_22, H36M_17, SKELETONS, Skeleton


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_a_skeleton_is_one_tree_with_its_root_first(skeleton):
    assert len(set(skeleton.joints)) == len(skeleton.joints)
    assert len(skeleton.edges) == len(skeleton) - 1
    for joint in range(len(skeleton)):
        steps = 0
        while joint:
            joint, steps = skeleton.parents[joint], steps + 1
            assert steps < len(skeleton)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_mirroring_twice_changes_nothing_and_keeps_the_tree(skeleton):
    mirror = skeleton.mirror
    assert [mirror[m] for m in mirror] == list(range(len(skeleton)))
    edges = {(mirror[a], mirror[b]) for a, b in skeleton.edges}
    assert edges == set(skeleton.edges)


def test_mirror_pairs_of_human36m_are_the_published_ones():
    left, right = (4, 5, 6, 11, 12, 13), (1, 2, 3, 14, 15, 16)
    assert all(H36M_17.mirror[a] == b for a, b in zip(left, right, strict=True))
    assert H36M_17.edges == (
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10),
        (8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16),
    )  # fmt: skip


def test_the_armature_has_every_joint_of_the_body_and_two_clavicles():
    assert set(ARMATURE_24.joints) - set(BODY_22.joints) == {"clavicle.L", "clavicle.R"}


@pytest.mark.parametrize("parents", [(0, -1), (-1, 1), (-1, 2, 0)])
def test_a_tree_out_of_order_is_refused(parents):
    with pytest.raises(ValueError, match="parent"):
        Skeleton("wrong", tuple("abc"[: len(parents)]), parents)


def test_names_and_parents_must_be_as_many():
    with pytest.raises(ValueError, match="2 joints but 1"):
        Skeleton("wrong", ("a", "b"), (-1,))
