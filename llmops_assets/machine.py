"""How much of this machine a process may use: what the scheduler grants, not what is built in."""

import os


def usable_cores() -> int:
    """Cores that this process may run on: containers and `taskset` grant fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
