import os
from array import array

from metabot.setup.interfaces import IncludeFolders, mend_text, mend_tree, remove_installed

OURS = IncludeFolders(python="/usr/include/python3.11", numpy="/env/numpy/_core/include")
BROKEN = """\
set_target_properties(std_msgs::std_msgs__rosidl_generator_py PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_IMPORT_PREFIX}/include/std_msgs;/opt/python/cp311-cp311/include/python3.11;\
/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include"
)
"""


def test_builder_folders_become_ours():
    mended = mend_text(BROKEN, OURS)
    assert "/opt/python" not in mended
    folders = f'"${{_IMPORT_PREFIX}}/include/std_msgs;{OURS.python};{OURS.numpy}"'
    assert f"INTERFACE_INCLUDE_DIRECTORIES {folders}" in mended


def test_mending_twice_changes_nothing_more():
    once = mend_text(BROKEN, OURS)
    assert mend_text(once, OURS) == once


def test_tree_is_mended_without_writing_through_a_hard_link(tmp_path):
    share, cache = tmp_path / "share" / "std_msgs" / "cmake", tmp_path / "cache"
    share.mkdir(parents=True)
    cache.mkdir()
    (cache / "a.cmake").write_text(BROKEN)
    os.link(cache / "a.cmake", share / "a.cmake")
    (share / "b.cmake").write_text("# nothing to mend\n")
    assert mend_tree(tmp_path / "share", OURS) == 1
    assert mend_tree(tmp_path / "share", OURS) == 0
    assert (cache / "a.cmake").read_text() == BROKEN
    assert [path.name for path in sorted(share.iterdir())] == ["a.cmake", "b.cmake"]


def test_files_of_an_earlier_build_go_and_others_stay(tmp_path):
    venv, build, other = tmp_path / "venv", tmp_path / "build", tmp_path / "other.py"
    venv.mkdir()
    build.mkdir()
    other.touch()
    (venv / "old.py").touch()
    (build / "install_manifest.txt").write_text(f"{venv}/old.py\n{venv}/gone.py\n{other}")
    remove_installed(build, venv)
    assert not (venv / "old.py").exists()
    assert other.exists()


def test_installed_interfaces_carry_parameters_unchanged():
    from metabot_interfaces.action import Adapt, ParseTask
    from metabot_interfaces.msg import MetaParameters, ParameterUpdate
    from rclpy.serialization import deserialize_message, serialize_message

    data = array("B", bytes(range(256)) * 16)
    for kind in (MetaParameters, ParameterUpdate):
        sent = kind(version=2**63, layout_hash="abc", data=data, checksum=2**32 - 1)
        got = deserialize_message(serialize_message(sent), kind)
        assert isinstance(got.data, array)
        assert got.data == data
        assert got == sent
    assert ParseTask.Goal(sentence="go").sentence == "go"
    assert Adapt.Feedback(fraction=0.5).fraction == 0.5
