"""How much memory this process may hold."""

import os

from simplebase.cgroups import memory_limit


def usable_memory() -> int | None:
    """Bytes of the machine's memory, within the limit of a container; None where unknown."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows
        return None
    return min(total, memory_limit() or total)
