"""The load of ``objstore bench``: one process that sends one kind of request for a while, and what it saw."""

import asyncio
import math
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from objstore.cli.target import Target

STEP = math.log(1.02)  # latencies are known to 2 %
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 256 * 1024
SIGNED_FOR_SECONDS = 3600
ERRORS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Load:
    """``keys``: of this process; ``seed``: of the bytes that are sent, and so expected."""

    target: Target
    bucket: str
    verb: str
    keys: list[str]
    size: int
    connections: int
    seconds: float
    seed: int


@dataclass(slots=True)
class Seen:
    """Answers that were right, within the time; ``steps``: how many took so many steps of 2 %."""

    count: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    failed: int = 0
    total_latency: float = 0.0
    longest: float = 0.0
    steps: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    written: int = 0

    def add(self, other: "Seen") -> None:
        """Of another process, at the same time."""
        self.count += other.count
        self.seconds = max(self.seconds, other.seconds)
        self.cpu_seconds += other.cpu_seconds
        self.failed += other.failed
        self.total_latency += other.total_latency
        self.longest = max(self.longest, other.longest)
        self.steps += other.steps
        self.errors = (self.errors + other.errors)[:ERRORS_KEPT]
        self.written += other.written

    def quantile(self, part: float) -> float | None:
        """Seconds that this part of the answers took at most."""
        left = part * self.count
        for step in sorted(self.steps):
            left -= self.steps[step]
            if left <= 0:
                return min(math.exp((step + 1) * STEP), self.longest)
        return None


def run(load: Load) -> Seen:
    """Sends until the time is over, then waits for what is under way. Signing is done before the clock starts."""
    return asyncio.run(_run(load))


async def _run(load: Load) -> Seen:
    body = random.Random(load.seed).randbytes(load.size)
    urls = [URL(_signed(load, key), encoded=True) for key in load.keys]
    seen, order = Seen(), random.Random(os.getpid())
    connector = aiohttp.TCPConnector(limit=load.connections)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        began, cpu = time.perf_counter(), time.process_time()
        until = began + load.seconds
        next_ = 0

        async def one_after_another() -> None:
            nonlocal next_
            while time.perf_counter() < until:
                if load.verb == "PUT":
                    url, next_ = urls[next_ % len(urls)], next_ + 1
                else:
                    url = order.choice(urls)
                await _one(session, load.verb, url, body, seen)

        await asyncio.gather(*(one_after_another() for _ in range(load.connections)))
        seen.seconds, seen.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    seen.written = min(next_, len(urls))
    return seen


async def _one(session: aiohttp.ClientSession, verb: str, url: URL, body: bytes, seen: Seen) -> None:
    began = time.perf_counter()
    try:
        async with session.request(verb, url, data=body if verb == "PUT" else None) as answer:
            at = 0
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                if verb == "GET" and body[at : at + len(chunk)] != chunk:
                    raise ValueError("the bytes are not those that were put")
                at += len(chunk)
            if answer.status != 200 or (verb == "GET" and at != len(body)):
                raise ValueError(f"status {answer.status}, {at} bytes")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        seen.failed += 1
        if len(seen.errors) < ERRORS_KEPT:
            seen.errors.append(str(error) or repr(error))
        await asyncio.sleep(0.05)  # what fails at once is not asked for in a frenzy
        return
    taken = time.perf_counter() - began
    seen.count += 1
    seen.total_latency += taken
    seen.longest = max(seen.longest, taken)
    seen.steps[math.floor(math.log(taken) / STEP)] += 1


def _signed(load: Load, key: str) -> str:
    target = load.target
    request = AWSRequest(load.verb, f"{target.endpoint}/{load.bucket}/{key}")
    keys = Credentials(target.access_key, target.secret_key, target.session_token)
    S3SigV4QueryAuth(keys, "s3", target.region, expires=SIGNED_FOR_SECONDS).add_auth(request)
    return str(request.url)
