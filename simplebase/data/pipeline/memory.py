"""Determines how much memory this process may use."""

import os

from simplebase.cgroups import memory_limit


def usable_memory() -> int | None:
    """Returns the bytes of the machine's memory or a container's limit; None if unknown."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows
        return None
    return min(total, memory_limit() or total)
