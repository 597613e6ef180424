"""Workers are forked: what becomes of them when the process goes that they were forked from, and after an upgrade."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.server import Server, descendants
from tests.harness.waiting import until


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("forks"), workers=2, anew=True).start()
    yield server
    server.close()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes(server: Server) -> set[int]:
    """The workers, as the server says."""
    return {*server.state["workers"], server.state["background"]}


def stores(server: Server, key: str) -> bool:
    s3 = server.s3(retries={"max_attempts": 10})
    s3.put_object(Bucket="forked", Key=key, Body=key.encode())
    return bool(s3.get_object(Bucket="forked", Key=key)["Body"].read() == key.encode())


def test_workers_share_what_was_imported_and_have_names(own_server: Server) -> None:
    server = own_server
    server.s3().create_bucket(Bucket="forked")
    workers = processes(server)
    (parent,) = {parent_of(pid) for pid in workers}
    assert parent_of(parent) == server.process.pid
    names = sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in workers)
    assert names == ["background-0", "gateway-0", "gateway-1"]
    assert len({os.getsid(pid) for pid in workers}) == len(workers)  # Ctrl-C is for the supervisor
    assert stores(server, "first")


def test_a_worker_that_dies_is_forked_again(own_server: Server) -> None:
    server = own_server
    died = server.state["workers"][0]
    os.kill(died, signal.SIGKILL)
    until(lambda: died not in processes(server) and all(map(is_there, processes(server))))
    assert f"event=worker_ended worker=gateway-0 pid={died} code=-9" in server.log.read_text()
    assert stores(server, "again")


def test_without_the_fork_server_all_start_anew(own_server: Server) -> None:
    server = own_server
    workers = processes(server)
    os.kill(parent_of(min(workers)), signal.SIGKILL)
    until(lambda: not any(map(is_there, workers)))
    until(lambda: not workers & processes(server) and all(map(is_there, processes(server))))
    assert stores(server, "anew")


def test_after_an_upgrade_gateways_come_from_a_new_program(own_server: Server) -> None:
    server = own_server
    gateways, background = set(server.state["workers"]), server.state["background"]
    before = parent_of(background)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: not gateways & set(server.state["workers"]) and len(server.state["workers"]) == len(gateways))
    until(lambda: not any(map(is_there, gateways)))
    (after,) = {parent_of(pid) for pid in server.state["workers"]}
    assert after != before
    assert parent_of(server.state["background"]) == before  # goes on, and so does what it was forked from
    assert stores(server, "upgraded")
    # The last process of the old one takes it along.
    os.kill(background, signal.SIGKILL)
    until(lambda: not is_there(before))
    until(lambda: is_there(server.state["background"]) and parent_of(server.state["background"]) == after)


def test_nothing_stays_behind(own_server: Server) -> None:
    server = own_server
    everything = [server.process.pid, *descendants(server.process.pid)]
    assert len(everything) > 5
    assert server.stop() == 0
    until(lambda: not any(map(is_there, everything)))
