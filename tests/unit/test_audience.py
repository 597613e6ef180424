"""For whom a process has answered: kinds of programs, the busiest buckets, and never more than so many of them."""

import pytest

from objstore.api.audience import BUCKETS_TOLD, OTHERS, PAIRS_MAX, Audience, counts_of, family_of
from objstore.model.series import BY_NAME

AGENTS = [
    (b"Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#6.1 lang/python#3.12", "boto3"),
    (b"Botocore/1.31.0 Python/3.11 aiobotocore/2.7", "boto3"),
    (b"aws-cli/2.15.0 Python/3.11.6 Linux/6.1 source/x86_64 prompt/off command/s3.cp", "awscli"),
    (b"aws-cli/1.32.0 md/Botocore#1.34.0 ua/2.0", "awscli"),
    (b"s5cmd/v2.2.2 aws-sdk-go/1.44.256 (go1.20; linux; amd64) S3Manager", "s5cmd"),
    (b"rclone/v1.65.0", "rclone"),
    (b"MinIO (linux; amd64) minio-go/v7.0.66 mc/RELEASE.2024-01-01T00-00-00Z", "mc"),
    (b"MinIO (Linux; x86_64) minio-py/7.2.0", "minio"),
    (b"aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21", "aws-sdk-go"),
    (b"Hadoop 3.3.6, aws-sdk-java/1.12.262 Linux/6.1", "hadoop"),
    (b"aws-sdk-cpp/1.11.0 ua/2.0 md/aws-crt", "aws-sdk-cpp"),
    (b"aws-sdk-rust/1.0 os/linux", "aws-sdk"),
    (b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "console"),
    (b"\xff\x00 what is this", OTHERS),
    (b"", OTHERS),
    (None, OTHERS),
]


@pytest.mark.parametrize(("agent", "family"), AGENTS, ids=[str(agent)[:30] for agent, _ in AGENTS])
def test_programs(agent: bytes | None, family: str) -> None:
    assert family_of(agent) == family


def test_sums_by_bucket_and_program() -> None:
    audience, boto, cli = Audience(), AGENTS[0][0], AGENTS[2][0]
    audience.note("a", boto, 100, 0)
    audience.note("a", cli, 0, 7)
    audience.note("b", boto, 1, 2)
    audience.note("", boto, 0, 5)
    buckets, families = audience.take()
    assert buckets == {"a": [2, 100, 7], "b": [1, 1, 2], OTHERS: [1, 0, 5]}
    assert families == {"boto3": [3, 101, 7], "awscli": [1, 0, 7]}
    assert audience.take() == ({}, {})


def test_only_the_busiest_are_told() -> None:
    audience = Audience()
    for number in range(BUCKETS_TOLD + 3):
        audience.note(f"bucket-{number}", b"curl/8", number, 0)
    buckets, families = audience.take()
    assert set(buckets) == {OTHERS, *(f"bucket-{number}" for number in range(3, BUCKETS_TOLD + 3))}
    assert buckets[OTHERS] == [3, 0 + 1 + 2, 0]
    assert families == {"curl": [BUCKETS_TOLD + 3, sum(range(BUCKETS_TOLD + 3)), 0]}


def test_names_without_end_are_others() -> None:
    audience = Audience()
    for number in range(3 * PAIRS_MAX):
        audience.note("a", b"made up %d" % number, 1, 0)
    assert len(audience._pairs) == PAIRS_MAX + 1
    audience.note("late", b"curl/8", 10, 0)
    buckets, families = audience.take()
    assert buckets == {"a": [PAIRS_MAX, PAIRS_MAX, 0], OTHERS: [2 * PAIRS_MAX + 1, 2 * PAIRS_MAX + 10, 0]}
    assert families == {OTHERS: [3 * PAIRS_MAX + 1, 3 * PAIRS_MAX + 10, 0]}


@pytest.mark.parametrize("kind", ["bucket", "client"])
def test_what_history_keeps(kind: str) -> None:
    counts = list(counts_of(kind, {"x": [1, 2, 3]}))
    assert [(label, value) for _, label, value in counts] == [("x", 1), ("x", 2), ("x", 3)]
    assert all(not BY_NAME[series].is_level for series, _, _ in counts)
