"""The Fast DDS profile of a process: the user's own goes before ours."""

from pathlib import Path

import pytest

from epofusion_ros.installed_files import DDS_PROFILE_VARIABLE, dds_variables


def test_an_exported_profile_goes_before_ours_and_a_named_one_before_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(DDS_PROFILE_VARIABLE, raising=False)
    assert Path(dds_variables()[DDS_PROFILE_VARIABLE]).name == "fastdds_shm.xml"
    assert dds_variables("none") == {}
    monkeypatch.setenv(DDS_PROFILE_VARIABLE, "/home/user/mine.xml")
    assert dds_variables() == {}
    named = tmp_path / "named.xml"
    named.touch()
    assert dds_variables(str(named)) == {DDS_PROFILE_VARIABLE: str(named)}


def test_a_profile_that_is_not_there_is_no_silent_default(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.xml is no file; expected auto, none or an XML file"):
        dds_variables(str(tmp_path / "missing.xml"))
