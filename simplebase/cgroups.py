"""Reads how many cores and how much memory a container may use, from Linux's control groups.

Docker and Kubernetes limit a process by them, although the system still reports the whole machine.
Both versions are supported. Each stores its limits in files, with a folder per group, and the
limits of all parent groups also apply:

```
/sys/fs/cgroup/GROUP/cpu.max                           version 2: quota and period, or "max"
/sys/fs/cgroup/GROUP/memory.max                        bytes, or "max"
/sys/fs/cgroup/cpu/GROUP/cpu.cfs_quota_us              version 1: -1 is no limit
/sys/fs/cgroup/cpu/GROUP/cpu.cfs_period_us
/sys/fs/cgroup/memory/GROUP/memory.limit_in_bytes      a number near 2^63 is no limit
```

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html there.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ROOT = Path("/")

# Version 1 represents "no limit" of memory by the largest number of whole pages.
_NO_LIMIT = 1 << 62


def cpu_limit(root: Path = _ROOT) -> float | None:
    """Returns the cores that this process's groups may use, such as 1.5; None without a limit.

    Args:
        root: root of the file system, for tests.
    """
    limits = [_share(*text.split()[:2]) for text in _settings(root, "", "cpu.max")]
    for folder in _folders(root, "cpu"):
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if quota and period:
            limits.append(_share(quota, period))
    return min((limit for limit in limits if limit is not None), default=None)


def memory_limit(root: Path = _ROOT) -> int | None:
    """Returns the bytes that this process's groups may use; None without a limit."""
    texts = [
        *_settings(root, "", "memory.max"),
        *_settings(root, "memory", "memory.limit_in_bytes"),
    ]
    limits = [int(text) for text in texts if text.isdecimal()]
    return min((limit for limit in limits if 0 < limit < _NO_LIMIT), default=None)


def _share(quota: str, period: str = "100000") -> float | None:
    """Returns quota / period, both in microseconds; None if there is no limit."""
    if not (quota.isdecimal() and period.isdecimal() and int(quota) and int(period)):
        return None  # "max", or -1
    return int(quota) / int(period)


def _settings(root: Path, controller: str, name: str) -> Iterator[str]:
    """Yields the texts of the files `name` in the group's folder and those above it."""
    for folder in _folders(root, controller):
        if text := _text(folder / name):
            yield text


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Yields the folders of the group and of its parent groups.

    Within a container the group's path may be that of the host, which is not to be seen there: its
    files lie where the last of the groups above it would be. `controller` is "" for version 2.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if controller not in names.split(","):
            continue
        mount = root / "sys/fs/cgroup" / names
        if controller and not mount.is_dir():
            mount = mount.with_name(controller)
        group = PurePosixPath(path.strip("/"))
        yield from (mount / above for above in (group, *group.parents))


def _text(path: Path) -> str:
    """Returns the file's text; empty if it cannot be read."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
