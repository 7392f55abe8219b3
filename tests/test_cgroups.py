"""The limits of a container, read from files as Docker and Kubernetes leave them."""

import os
from pathlib import Path

import pytest

from simplebase import threads
from simplebase.cgroups import cpu_limit, memory_limit
from simplebase.data.pipeline import memory
from simplebase.threads import usable_cores

GIB = 2**30


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    """A root with `/proc/self/cgroup` and files under `/sys/fs/cgroup`."""
    written = {"proc/self/cgroup": groups} | {f"sys/fs/cgroup/{k}": v for k, v in files.items()}
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_version_2_in_a_container_lies_at_the_root(tmp_path: Path) -> None:
    files = {"cpu.max": "150000 100000", "memory.max": str(3 * GIB)}
    root = machine(tmp_path, "0::/", files)
    assert (cpu_limit(root), memory_limit(root)) == (1.5, 3 * GIB)


def test_version_2_without_a_limit_says_max(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/", {"cpu.max": "max 100000", "memory.max": "max"})
    assert (cpu_limit(root), memory_limit(root)) == (None, None)


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    files = {
        "pods/one/cpu.max": "800000 100000",
        "pods/cpu.max": "400000 200000",
        "pods/one/memory.max": "max",
        "pods/memory.max": str(GIB),
    }
    root = machine(tmp_path, "0::/pods/one", files)
    assert (cpu_limit(root), memory_limit(root)) == (2, GIB)


VERSION_1 = "4:memory:{0}\n3:cpu,cpuacct:{0}\n1:name=systemd:{0}"


@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu"])
def test_version_1_in_a_container_names_a_path_of_the_host(tmp_path: Path, folder: str) -> None:
    files = {
        f"{folder}/cpu.cfs_quota_us": "50000",
        f"{folder}/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": str(2 * GIB),
    }
    root = machine(tmp_path, VERSION_1.format("/docker/4f2a"), files)
    assert (cpu_limit(root), memory_limit(root)) == (0.5, 2 * GIB)


def test_version_1_without_a_limit(tmp_path: Path) -> None:
    files = {
        "cpu/docker/cpu.cfs_quota_us": "-1",
        "cpu/docker/cpu.cfs_period_us": "100000",
        "memory/docker/memory.limit_in_bytes": "9223372036854771712",
    }
    root = machine(tmp_path, VERSION_1.format("/docker"), files)
    assert (cpu_limit(root), memory_limit(root)) == (None, None)


@pytest.mark.parametrize("text", ["", "max", "many few", "0 100000", "100000 0"])
def test_a_file_that_says_nothing_limits_nothing(tmp_path: Path, text: str) -> None:
    root = machine(tmp_path, "0::/", {"cpu.max": text, "memory.max": text})
    assert (cpu_limit(root), memory_limit(root)) == (None, None)


def test_a_system_without_groups_has_no_limit(tmp_path: Path) -> None:
    assert (cpu_limit(tmp_path), memory_limit(tmp_path)) == (None, None)


@pytest.mark.parametrize(
    ("affinity", "limit", "cores"),
    [(128, 2.0, 2), (128, 1.5, 2), (128, 0.1, 1), (4, 64.0, 4), (3, None, 3)],
)
def test_cores_are_those_of_the_affinity_within_the_limit(
    monkeypatch: pytest.MonkeyPatch, affinity: int, limit: float | None, cores: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 256)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(threads, "cpu_limit", lambda: limit)
    assert usable_cores() == cores


def test_without_affinity_all_cores_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(threads, "cpu_limit", lambda: None)
    assert usable_cores() == 6


def test_a_pool_has_as_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: 3)
    with threads.thread_pool() as pool:
        assert pool._max_workers == 3


@pytest.mark.parametrize(("limit", "usable"), [(None, 8 * GIB), (GIB, GIB), (99 * GIB, 8 * GIB)])
def test_memory_is_the_machines_within_the_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, usable: int
) -> None:
    machine = {"SC_PHYS_PAGES": 8 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", machine.__getitem__, raising=False)
    monkeypatch.setattr(memory, "memory_limit", lambda: limit)
    assert memory.usable_memory() == usable
