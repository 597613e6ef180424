"""What the hop to a node costs: the same appends and reads on local drives and through a node on loopback.

    python -m benchmarks.hop [--rounds N] [--folder DIR]

CPU of this process (the gateway's side) and of the node's, per operation. No HTTP to a client, no Postgres: what is
measured is the drives' part of a PUT and a GET alone, with and without the hop.
"""

import argparse
import asyncio
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn
import uvloop

from objstore.api.protocol import strict_protocol
from objstore.cli.endpoint import listen
from objstore.drive.base import Drive
from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.drive.node_auth import derive_key
from objstore.drive.node_drive import NodeDrive
from objstore.drive.node_link import NodeLink
from objstore.drive.node_server import NodeServer
from objstore.format.checksum import checksum
from objstore.format.extent import unpack
from objstore.format.record import pack_record
from objstore.model import clock
from objstore.model.profile import HOT_DEFAULT
from objstore.model.volumes import Volume
from objstore.volume.extent_reader import ExtentReader
from objstore.volume.open_volume import OpenVolume
from objstore.volume.packed_stripe import PackedRecord

KEY = derive_key("a secret of this benchmark alone")
SIZE = 4096
BATCH = 28  # what 64 connections gather
READERS = 64
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line a case."""
    flags = argparse.ArgumentParser(prog="python -m benchmarks.hop")
    flags.add_argument("--rounds", type=int, default=200)
    flags.add_argument("--folder", type=Path, default=None)
    chosen = flags.parse_args()
    folder = Path(tempfile.mkdtemp(dir=chosen.folder))
    try:
        uvloop.run(_measure(folder, chosen.rounds))
    finally:
        shutil.rmtree(folder)


def _serve(paths: Sequence[Path], pipe: Connection) -> None:
    async def run() -> None:
        drives = await _open(paths)
        config = uvicorn.Config(NodeServer({d.id: d for d in drives}, KEY), http=strict_protocol(30, 60), ws="none",
                                lifespan="off", log_config=None, access_log=False, date_header=False)  # fmt: skip
        place = listen("127.0.0.1", 0)
        pipe.send(place.getsockname()[1])
        await uvicorn.Server(config).serve(sockets=[place])

    uvloop.run(run())


async def _open(paths: Sequence[Path]) -> list[LocalDrive]:
    drives = []
    for path in paths:
        identity = await read_identity(path) or await format_drive(path, "c" * 32, "hot")
        drives.append(LocalDrive(path, identity))
    return drives


async def _measure(folder: Path, rounds: int) -> None:
    local = [folder / f"local-{i}" for i in range(HOT_DEFAULT.n)]
    remote = [folder / f"remote-{i}" for i in range(HOT_DEFAULT.n)]
    ids = [drive.id for drive in await _open(remote)]
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(remote, theirs), daemon=True)
    process.start()
    link = NodeLink(f"http://127.0.0.1:{await asyncio.to_thread(ours.recv)}", KEY)
    await asyncio.sleep(0.5)
    await link.open()
    assert process.pid is not None
    try:
        await _case("local drives", await _open(local), rounds, None)
        await _case("through a node", [NodeDrive(id_, "hot", link) for id_ in ids], rounds, process.pid)
    finally:
        await link.close()
        process.terminate()


async def _case(name: str, drives: Sequence[Drive], rounds: int, node: int | None) -> None:
    volume = Volume(clock.random_id(), "hot", HOT_DEFAULT, tuple(drive.id for drive in drives), b"w" * 16)
    opened = OpenVolume(volume, drives)
    await opened.create(b"c" * 16)
    payload = clock.random_bytes(SIZE)
    record = PackedRecord(pack_record(1, b"key", b"v" * 16, 0, 0, SIZE, checksum(payload), b"{}", 1), payload,
                          checksum(payload))  # fmt: skip
    packed: list[bytes] = []

    async def put(batch: int) -> None:
        packed.extend(await opened.append([record] * batch))

    await put(BATCH)
    await _report(f"{name}: PUT, alone", lambda: put(1), rounds, 1, node)
    await _report(f"{name}: PUT, {BATCH} together", lambda: put(BATCH), rounds, BATCH, node)
    extents = [next(iter(unpack(one))) for one in packed[: 16 * READERS]]
    turns = iter(range(1 << 60))

    async def get() -> None:
        extent = extents[next(turns) % len(extents)]
        if drives[extent.column].read_now(volume.id, extent.payload_offset, (bytearray(SIZE),)):
            return  # as the store does it: no hand-over for what the page cache holds
        content = await ExtentReader(volume, list(drives), extent, lambda *_: None).read(0, SIZE)
        assert len(content) == SIZE

    async def gets() -> None:
        await asyncio.gather(*(get() for _ in range(READERS)))

    await _report(f"{name}: GET, alone", get, rounds, 1, node)
    await _report(f"{name}: GET, {READERS} together", gets, rounds, READERS, node)


async def _report(name: str, work: Callable[[], Awaitable[None]], rounds: int, items: int, node: int | None) -> None:
    for _ in range(rounds // 10 + 1):
        await work()
    here, there, begun = time.process_time(), _cpu_seconds(node), time.perf_counter()
    for _ in range(rounds):
        await work()
    operations = rounds * items
    spent = [(time.process_time() - here) / operations, (_cpu_seconds(node) - there) / operations]
    took = (time.perf_counter() - begun) / rounds
    print(f"{name:34} gateway {spent[0] * 1e6:7.0f} µs, node {spent[1] * 1e6:7.0f} µs of CPU; {took * 1e3:6.2f} ms")


def _cpu_seconds(pid: int | None) -> float:
    """Of a process and its threads, in steps of the kernel's tick."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
