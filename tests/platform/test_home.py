"""HUB_HOME: the data folder and its run file."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.embedded import home
from config.embedded.server import free_port


def test_hub_home_is_the_variable_else_a_folder_beside_manage_py(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path))
    assert home.hub_home() == tmp_path
    monkeypatch.delenv("HUB_HOME")
    assert (home.hub_home().parent / "manage.py").is_file()


def test_the_run_file_is_read_back_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    home.write_run_file(tmp_path / "hub", {"port": 8000})
    assert home.read_run_file(tmp_path / "hub") == {"port": 8000}
    assert stat.S_IMODE((tmp_path / "hub" / "run.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_torn_run_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    assert home.read_run_file(tmp_path) is None


def test_a_hub_that_never_ran_has_no_run_file(tmp_path: Path) -> None:
    assert home.read_run_file(tmp_path / "nowhere") is None


def test_processes_that_ask_at_once_get_the_same_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: home.secret_key(tmp_path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_folders_of_the_hub_can_be_passed_through_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made = home.make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)} == {0o755}


def test_free_ports_are_free() -> None:
    ports = {free_port() for _ in range(20)}
    assert all(1024 < port < 65536 for port in ports)
