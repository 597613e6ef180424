"""rclone, as a provider that it does not know (Other): ListObjects V1, MD5 on everything."""

from pathlib import Path

import pytest

from tests.harness.server import Server
from tests.s3.commands import Command, program
from tests.s3.trees import MIB, content, digests, write_tree

pytestmark = pytest.mark.skipif(program("rclone") is None, reason="rclone is not installed")


@pytest.fixture
def rclone(server: Server, tmp_path: Path) -> Command:
    access_key, secret_key = server.credentials
    settings = {"TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": access_key, "SECRET_ACCESS_KEY": secret_key,
                "ENDPOINT": server.endpoint, "LIST_VERSION": "1"}  # fmt: skip
    environment = {f"RCLONE_CONFIG_X_{name}": value for name, value in settings.items()}
    (tmp_path / "rclone.conf").touch()
    return Command(server, "rclone", environment=environment | {"RCLONE_CONFIG": str(tmp_path / "rclone.conf")})


def test_round_trip(rclone: Command, bucket: str, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    sent = write_tree(source)
    rclone("copy", source, f"x:{bucket}/tree é+%")
    rclone("check", "--download", source, f"x:{bucket}/tree é+%")
    rclone("check", source, f"x:{bucket}/tree é+%")  # by the MD5s of the listing
    rclone("copy", f"x:{bucket}/tree é+%", back)
    assert digests(back) == sent
    assert len(rclone("lsf", "-R", "--files-only", f"x:{bucket}").splitlines()) == len(sent)
    (source / "upper").unlink()
    rclone("sync", source, f"x:{bucket}/tree é+%")
    assert "upper" not in rclone("lsf", f"x:{bucket}/tree é+%").splitlines()
    rclone("purge", f"x:{bucket}/tree é+%")
    assert rclone("lsf", f"x:{bucket}") == ""


def test_multipart_and_server_side_copy(rclone: Command, bucket: str, tmp_path: Path) -> None:
    large = content(16 * MIB + 9, 4)
    (tmp_path / "large").write_bytes(large)
    rclone("copyto", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", tmp_path / "large", f"x:{bucket}/large")
    rclone("copyto", f"x:{bucket}/large", f"x:{bucket}/copied")
    rclone(
        "copyto", "--multi-thread-cutoff", "1M", "--multi-thread-streams", "4", f"x:{bucket}/copied", tmp_path / "back"
    )
    assert (tmp_path / "back").read_bytes() == large
    span = rclone("cat", "--offset", "5242870", "--count", "20", f"x:{bucket}/large")
    assert span.encode("utf-8", "surrogateescape") == large[5242870:5242890]
