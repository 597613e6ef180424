"""Starting, stopping, killing and starting again, with a real server."""

import json
import os
import signal
import socket
import stat
import time
from pathlib import Path

import httpx
import pytest

from tests.harness import forked
from tests.harness.server import Server, ServerFailed


def refusal(*arguments: str, **environment: str) -> str:
    """What ``objstore serve`` says when it does not start; it has to exit with 1."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OBJSTORE_", "AWS_"))}
    done = forked.run(["serve", "--port=0", *arguments], kept | environment, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("objstore: ")
    return done.stderr


def test_stop_start_kill_start_keep_what_was_answered(tmp_path: Path) -> None:
    """One server's life: first start, second start refused, drain, restart, power cut, restart."""
    server = Server(tmp_path, fresh=True).start()
    try:
        s3 = server.s3()
        s3.create_bucket(Bucket="keeps")
        s3.put_object(Bucket="keeps", Key="small", Body=b"first")
        s3.put_object(Bucket="keeps", Key="large", Body=bytes(range(256)) * 40_000)
        banner = server.log.read_text()
        assert f"endpoint     {server.endpoint}" in banner
        assert server.credentials[1] not in banner
        credentials = server.data / "credentials"
        assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
        keys = server.credentials
        assert len(keys[1]) == 40

        said = refusal(f"--data={server.data}")
        assert "another objstore server" in said
        assert str(server.process.pid) in said

        address = server.address
        assert server.stop() == 0
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(address, 1)
        assert "Traceback" not in server.log.read_text()

        server.start()
        assert server.address == address
        assert server.credentials == keys
        s3 = server.s3()
        assert s3.get_object(Bucket="keeps", Key="small")["Body"].read() == b"first"
        s3.put_object(Bucket="keeps", Key="small", Body=b"second")
        server.kill()

        server.start()
        s3 = server.s3()
        assert s3.get_object(Bucket="keeps", Key="small")["Body"].read() == b"second"
        assert s3.get_object(Bucket="keeps", Key="large")["Body"].read() == bytes(range(256)) * 40_000
        s3.put_object(Bucket="keeps", Key="small", Body=b"third")

        # Only the supervisor: its workers and Postgres must not live on without it.
        workers = [*server.state["workers"], server.state["background"]]
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.start()
        assert not [pid for pid in workers if _runs(pid)]
        assert server.s3().get_object(Bucket="keeps", Key="small")["Body"].read() == b"third"
        assert server.stop() == 0
    finally:
        server.close()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    server = Server(tmp_path, workers=1).start()
    try:
        before = server.state["workers"]
        os.kill(before[0], signal.SIGKILL)
        os.kill(server.state["postgres"], signal.SIGKILL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if server.get("/-/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        server.s3().create_bucket(Bucket="again")
        assert "worker_ended" in server.log.read_text()
        assert "postgres_ended" in server.log.read_text()
        assert server.stop() == 0
    finally:
        server.close()


def test_drain_finishes_what_is_in_flight(tmp_path: Path) -> None:
    server = Server(tmp_path, workers=1).start()
    try:
        s3 = server.s3()
        s3.create_bucket(Bucket="drain")
        url = s3.generate_presigned_url("put_object", {"Bucket": "drain", "Key": "slow"}, ExpiresIn=60)
        path = url.removeprefix(server.endpoint)
        with socket.create_connection(server.address, 30) as client:
            client.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: {server.endpoint[7:]}\r\nContent-Length: 6\r\n\r\nabc".encode()
            )
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            client.sendall(b"def")
            answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer.lower()
        assert server.process.wait(60) == 0
        server.start()
        assert server.s3().get_object(Bucket="drain", Key="slow")["Body"].read() == b"abcdef"
    finally:
        server.close()


def test_external_database_and_named_drives(tmp_path: Path, database_url: str) -> None:
    """Another Postgres, real drive directories, a small profile; then F13: a drive that is not what it was."""
    drives = [tmp_path / f"disk{i}" for i in range(4)]
    for drive in drives:
        drive.mkdir()
    arguments = [*(f"--drive=hot={drive}" for drive in drives), "--profile=hot=2+1", f"--database-url={database_url}"]
    server = Server(tmp_path, *arguments, workers=1).start()
    try:
        assert server.state["postgres"] is None
        assert not (server.data / "postgres").exists()
        s3 = server.s3()
        s3.create_bucket(Bucket="outside")
        s3.put_object(Bucket="outside", Key="k", Body=b"v" * 100_000)
        assert server.stop() == 0

        drives[0].rename(tmp_path / "unplugged")
        drives[0].mkdir()  # the empty mount point shows through
        server.start()
        assert list(drives[0].iterdir()) == []
        report = server.get("/-/health/ready").json()
        assert report["ready"]
        assert "is it mounted?" in report["problems"][0]
        s3 = server.s3()
        assert s3.get_object(Bucket="outside", Key="k")["Body"].read() == b"v" * 100_000
        s3.put_object(Bucket="outside", Key="k2", Body=b"w")
        assert list(drives[0].iterdir()) == []
        assert server.stop() == 0

        drives[0].rmdir()
        (tmp_path / "unplugged").rename(drives[0])
        identity = json.loads((drives[1] / "drive.json").read_text())
        (drives[1] / "drive.json").write_text(json.dumps(identity | {"cluster": "0" * 32}))
        server.start()
        assert "another cluster" in server.get("/-/health/ready").json()["problems"][0]
        assert server.s3().get_object(Bucket="outside", Key="k")["Body"].read() == b"v" * 100_000
        (drives[2] / "drive.json").unlink()
        server.restart()
        report = server.get("/-/health/ready")
        assert report.status_code == 503
        assert report.json()["tiers"]["hot"] | {"full": 0} == {
            "profile": "2+1", "writable": False, "drives": 2, "usable": 2, "full": 0, "needed": 3,
        }  # fmt: skip
        assert server.stop() == 0
    finally:
        server.close()


def test_refusals_that_need_a_look_at_the_machine(tmp_path: Path) -> None:
    data = f"--data={tmp_path / 'data'}"
    assert "cannot connect to Postgres" in refusal(data, "--database-url=postgresql://x@127.0.0.1:9/x")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot be listened on" in refusal(data, f"--port={taken.getsockname()[1]}")
    (tmp_path / "file").touch()
    assert "cannot be used" in refusal(f"--data={tmp_path / 'file'}")


def test_set_credentials_are_used_and_no_file_is_made(tmp_path: Path) -> None:
    environment = {"OBJSTORE_ACCESS_KEY": "chosen", "OBJSTORE_SECRET_KEY": "chosen-secret-canary"}
    server = Server(tmp_path, workers=1, environment=environment, anew=True).start()
    try:
        assert not (server.data / "credentials").exists()
        for pid in [*server.state["workers"], server.state["background"]]:
            seen = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"canary" not in seen
        assert server.stop() == 0
        assert "canary" not in server.log.read_text()
    finally:
        server.close()


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.data.mkdir()
    (server.data / "credentials").write_text("AWS_ACCESS_KEY_ID=x\n")
    with pytest.raises(ServerFailed, match="does not hold AWS_ACCESS_KEY_ID"):
        server.start()
