"""Which tests run in the same process, one after the other, when several processes share them (pytest-xdist)."""

from xdist.scheduler import LoadScopeScheduling

# Directories whose tests share a cluster or a server that nobody else has: one process starts it, not each.
TOGETHER = ("tests/identity/", "tests/cluster/")
# Beside it what takes care of itself, in these files.
ALONE = ("tests/cluster/test_hosts.py", "tests/cluster/test_faults.py")
# Browsers of more than two processes take the time of all from each other.
CONSOLE = "tests/console/"
FIRST_HALF = {f"{CONSOLE}test_{name}.py" for name in ("shell", "pages", "own_server", "zip", "bucket_access")}
# Each of these files' tests takes long, and needs no other.
APART = ("tests/sim/test_simulation.py",)


class Scheduling(LoadScopeScheduling):
    """A file in one process, but for those above."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in APART:
            return nodeid
        if file.startswith(CONSOLE):
            return f"{CONSOLE} {1 if file in FIRST_HALF else 2}"
        shared = next((directory for directory in TOGETHER if file.startswith(directory)), file)
        return file if file in ALONE else shared
