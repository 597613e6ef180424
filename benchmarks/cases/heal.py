"""Heal, drain and scrub: one shard of a volume built anew, moved, and verified, beside what codec and disk can do.

In one process on directories of one disk, without a database: the rate of one worker. MB are those of the shard that is
rebuilt (or moved, or verified), made durable and read back; what is read for it is not counted. All k sources and the
target share that disk here; on drives of their own only the slowest counts. The CPU time is what travels.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.machine import disk_write_rate
from benchmarks.rig import Rig
from objstore.drive.alias import Alias
from objstore.drive.base import Drive
from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.erasure import codec_for
from objstore.format.checksum import checksum
from objstore.format.record import pack_record
from objstore.format.superblock import Superblock
from objstore.model.profile import CAPACITY_DEFAULT, HOT_DEFAULT, Profile
from objstore.model.volumes import Volume
from objstore.volume.audit import audit_shard
from objstore.volume.open_volume import OpenVolume
from objstore.volume.packed_stripe import PackedRecord
from objstore.volume.rebuild import rebuild_shards
from objstore.volume.shard_writer import ShardWriter
from objstore.volume.stripe_writer import StripeWriter

MIB = 2**20
LARGE_BYTES, LARGE_STRIPE_BYTES = 512 * MIB, 64 * MIB
SMALL_BATCHES, SMALL_RECORDS, SMALL_BYTES = 300, 32, 4096
CLUSTER = b"c" * 16
NEW = b"n" * 16


def run(rig: Rig) -> list[Figure]:
    """MB/s of the shard, not of what is read for it; the codec and the disk beside."""
    disk = disk_write_rate(rig.folder) / 1e6
    figures = [Figure("256 MiB written and fdatasync", disk, "MB/s")]
    for name, profile in (("4+2", HOT_DEFAULT), ("10+4", CAPACITY_DEFAULT)):
        codec = _codec(profile) / 1e6
        figures.append(Figure(f"{name}: codec alone, one column", codec, "MB/s"))
        for kind, fill in (("large", _fill_large), ("4 KiB", _fill_small)):
            folder = rig.folder / "heal"
            try:
                found = asyncio.run(_measure(f"{name}, {kind}", profile, folder, fill))
                figures += [*found, *_beside(found[0], disk, codec, profile)]
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return figures


def _beside(heal: Figure, disk: float, codec: float, profile: Profile) -> list[Figure]:
    """The disk has k shards read, one written and read back; the codec computes each byte once."""
    return [
        Figure(f"{heal.name} ÷ the codec", heal.value / codec, "×"),
        Figure(f"{heal.name}, bytes moved ÷ the disk", heal.value * (profile.k + 2) / disk, "×"),
    ]


def _codec(profile: Profile) -> float:
    columns = {i: np.random.default_rng(i).bytes(MIB) for i in range(1, profile.k + 1)}
    codec, rounds = codec_for(profile.k, profile.m), 30
    began = time.perf_counter()
    for _ in range(rounds):
        codec.rebuild(columns, [0])
    return rounds * MIB / (time.perf_counter() - began)


Fill = Callable[[OpenVolume], Awaitable[None]]


async def _measure(name: str, profile: Profile, folder: Path, fill: Fill) -> list[Figure]:
    drives = [
        LocalDrive(folder / str(i), await format_drive(folder / str(i), "c" * 32, "hot")) for i in range(profile.n)
    ]
    volume = Volume(b"v" * 16, "hot", profile, tuple(drive.id for drive in drives), b"w" * 16)
    opened = OpenVolume(volume, drives)
    await opened.create(CLUSTER)
    await fill(opened)
    opened.finish()
    size = await drives[0].length(volume.id)
    lost: list[Drive | None] = [None, *drives[1:]]
    figures = []
    whole: list[Drive | None] = [*drives]
    for what, sources in (("heal", lost), ("drain", whole)):
        figures += await _timed(f"{name}: {what}", size / 1e6, _rebuild(volume, sources, drives[0]))
        await drives[0].delete(NEW)
    figures += await _timed(f"{name}: scrub", size / 1e6, audit_shard(volume, drives, 0, 0))
    for drive in drives:
        drive.close()
    return figures


async def _timed(name: str, megabytes: float, work: Awaitable[Any]) -> list[Figure]:
    began, cpu = time.perf_counter(), time.process_time()
    await work
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return [
        Figure(name, megabytes / seconds, "MB/s"),
        Figure(f"{name}, CPU a MB", cpu * 1000 / megabytes, "ms"),
    ]


async def _rebuild(volume: Volume, sources: list[Drive | None], target: LocalDrive) -> None:
    """As the healer does it: built, durable, read back."""
    profile, writer = volume.profile, ShardWriter(target, NEW)
    head = Superblock(
        volume.id, 0, profile.k, profile.m, bytes.fromhex(target.id), CLUSTER, profile.unit_bytes, "hot", 1
    )
    await writer.create(head.pack())
    for source in sources:
        if isinstance(source, LocalDrive):
            _forget(source, volume.id)
    await rebuild_shards(volume, sources, {0: writer})
    audit = await audit_shard(volume, [Alias(target, NEW), *sources[1:]], 0, 1)
    assert not audit.problem, audit.problem


def _forget(drive: LocalDrive, volume_id: bytes) -> None:
    """Drop a shard from the page cache."""
    fd = os.open(drive.shard_path(volume_id), os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


async def _fill_large(opened: OpenVolume) -> None:
    profile = opened.profile
    step = max(1, 2 * MIB // (profile.k * profile.unit_bytes)) * profile.k * profile.unit_bytes
    piece = np.frombuffer(np.random.default_rng(1).bytes(step), np.uint8)
    for _ in range(LARGE_BYTES // LARGE_STRIPE_BYTES):
        writer, at = StripeWriter(opened, LARGE_STRIPE_BYTES, 300), 0
        while at + step <= LARGE_STRIPE_BYTES:
            await writer.write(writer.encode(piece, at, np.empty(step * profile.m // profile.k, np.uint8)), step)
            at += step
        await writer.close(pack_record(1, b"large", b"w" * 16, 0, 0, at, 0, b"", 1))
    await opened.sync()


async def _fill_small(opened: OpenVolume) -> None:
    payload = np.random.default_rng(2).bytes(SMALL_BYTES)
    digest = checksum(payload)
    head = pack_record(1, b"small", b"v" * 16, 0, 0, len(payload), digest, b"{}" * 60, 1)
    for _ in range(SMALL_BATCHES):
        await opened.append([PackedRecord(head, payload, digest)] * SMALL_RECORDS)
