"""What the benchmarks report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import __main__ as runner
from bench.result import Result, percentile, result, table
from tests.services import ROOT

TIMES = st.lists(st.floats(0, 1e6), min_size=1)


@given(TIMES, st.floats(0.01, 1))
def test_a_percentile_is_a_measured_value_that_its_share_does_not_exceed(times: list[float], share: float) -> None:
    found = percentile(times, share)
    assert found in times
    assert sum(time <= found for time in times) >= share * len(times)
    assert sum(time < found for time in times) < share * len(times)


@given(TIMES)
def test_percentiles_rise(times: list[float]) -> None:
    measured = result("pages", "req/s", 1.0, times_ms=times)
    assert measured.p50_ms is not None
    assert measured.p95_ms is not None
    assert measured.p99_ms is not None
    assert measured.p50_ms <= measured.p95_ms <= measured.p99_ms == percentile(times, 0.99)


def test_the_ratio_is_ours_to_the_limit_and_missing_without_one() -> None:
    assert result("steps", "steps/s", 30.0, limit=60.0).ratio == 0.5
    assert result("steps", "steps/s", 30.0).ratio is None


def test_results_have_the_keys_of_the_interface() -> None:
    keys = ["name", "unit", "ours", "limit", "ratio", "p50_ms", "p95_ms", "p99_ms", "peak_mb", "detail"]
    assert list(result("nrr", "s", 1.0, rows=3).as_dict()) == keys


def test_a_benchmark_writes_its_results_and_the_table_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Result("nrr", "ms", 1234.5, limit=1000.0, ratio=1.2345)
    (tmp_path / "nrr.py").touch()
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    monkeypatch.setattr(runner, "import_module", lambda name: _Module(measured))
    assert runner.names() == ["nrr"]
    runner.run_one("nrr")
    assert json.loads((tmp_path / "results" / "nrr.json").read_text()) == [measured.as_dict()]
    assert runner.read_results(["nrr", "never ran"]) == [measured]
    header, line = table([measured]).splitlines()
    assert header.split() == ["name", "unit", "ours", "limit", "ratio", "p50_ms", "p95_ms", "p99_ms", "peak_mb"]
    assert line.split() == ["nrr", "ms", "1,234.50", "1,000.00", "1.23", "–", "–", "–", "–"]


class _Module:
    def __init__(self, measured: Result) -> None:
        self.measured = measured

    def measure(self, scale: float) -> Result:
        assert scale > 0
        return self.measured


def test_an_unknown_benchmark_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "No benchmark nonsense" in done.stderr
