"""Settings: where they come from, and what is refused."""

import sys
from pathlib import Path

import pytest

from objstore.cli.drives import plan_drives
from objstore.cli.load_settings import load_settings, parse_profile
from objstore.cli.main import main
from objstore.cli.problem import StartError
from objstore.cli.remote import remote_specs
from objstore.cli.settings import Settings


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """What ``objstore serve`` says when it refuses; nothing has been made by then."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()

    def refuse(*arguments: str, **environment: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["objstore", "serve", *arguments])
            with pytest.raises(SystemExit) as exit_:
                main()
        assert exit_.value.code == 1
        assert not Path("objstore-data").exists()
        said = capsys.readouterr().err
        assert said.startswith("objstore: ")
        return said

    return refuse


THREE = ("--drive=hot=a", "--drive=hot=b", "--drive=hot=c")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (THREE, "the erasure profile 4+2 needs 6 drives, and 3 are named"),
        ((*THREE, "--profile=hot=3+1"), "needs 4 drives, and 3 are named"),
        ((*THREE, "--drive=capacity=a"), "a is named twice"),
        (("--profile=hot=0+2",), "k must be ≥ 1"),
        (("--profile=hot=250+6",), "≤ 255"),
        (("--profile=hot",), "write TIER=K+M"),
        (("--profile=hot=4+-2",), "write TIER=K+M"),
        (("--profile=cold=1+1",), "tier 'cold': no storage class lies on it"),
        (("--drive=cold=/x",), "TIER is one of hot, capacity"),
        (("--drive=/x",), "TIER is one of hot, capacity"),
        ((*THREE, "--drive=hot=none", "--profile=hot=3+1"), "there is no such directory"),
        (("--profile=capacity=1+0", "--drive=capacity=a"), "name the drives of the hot tier"),
        (("--config=nowhere.toml",), "there is no configuration file nowhere.toml"),
        (("--port=70000",), "port: Input should be less than or equal to 65535"),
        (("--workers=0",), "workers: Input should be greater than or equal to 1"),
        (("--log-format=xml",), "log_format: Input should be 'text' or 'json'"),
        (("--region=über",), "region: "),
    ],
)
def test_flags_that_are_refused(refusal, arguments: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    assert says in refusal(*arguments)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"OBJSTORE_ACCESS_KEY": "root", "OBJSTORE_SECRET_KEY": "sevenxx"}, "at least 8 characters"),
        ({"OBJSTORE_ACCESS_KEY": "root", "OBJSTORE_SECRET_KEY": ""}, "at least 8 characters"),
        ({"OBJSTORE_ACCESS_KEY": "root"}, "both the access key and the secret key"),
        ({"OBJSTORE_SECRET_KEY": "long enough"}, "both the access key and the secret key"),
        ({"OBJSTORE_PORT": "ninethousand"}, "port: "),
        ({"OBJSTORE_DRIVES": "hot=a hot=b"}, "needs 6 drives, and 2 are named"),
        ({"OBJSTORE_TIER__HOT__K": "0"}, "k must be ≥ 1"),
    ],
)
def test_variables_that_are_refused(refusal, environment: dict[str, str], says: str) -> None:  # type: ignore[no-untyped-def]
    said = refusal(**environment)
    assert says in said
    assert "sevenxx" not in said


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("prot = 9000", "prot: there is no such setting"),
        ("[tier.hot]\nkk = 3", "tier.hot.kk: there is no such setting"),
        ("[tier.cold]\nk = 3", "tier 'cold': no storage class lies on it"),
        ("[tier.Cold]\nk = 3", "'Cold': a tier is named with"),
        ("[storage_classes]\nCOLD = 'a'", "storage class COLD: there is no tier 'a'"),
        ("[storage_classes]\ncold = 'hot'", "'cold': a class of your own is named with"),
        ("[storage_classes]\nGLACIER = {tier = 'hot', like = 'GLACIER_IR'}", "not as one of S3's"),
        ("[storage_classes]\nCOLD = {tier = 'hot', like = 'FROZEN'}", "it can be like "),
        ("[tier.hot]\nunit_bytes = 1", "unit_bytes"),
        ("drives = ['hot']", "TIER is one of hot, capacity"),
        ("port = ", "configuration: "),
        ("[tier.hot]\nbucket = 'cold'\naccess_key = 'a'\nsecret_key = 'sevenxx'", "a remote one not hot"),
        ("[tier.a]\nbucket = 'cold'\naccess_key = 'a'", "tier.a: set either secret_key or secret_key_env"),
        ("[tier.a]\nbucket = 'cold'\naccess_key = 'a'\nsecret_key = 's'\nk = 2", "tier.a.k: there is no such setting"),
        ("[tier.a]\nbucket = 'cold'\nendpoint = 's3.example.com'", "tier.a.endpoint: "),
        ("[storage_classes]\nGLACIER = 'a'", "there is no tier 'a'"),
    ],
)
def test_files_that_are_refused(refusal, toml: str, says: str) -> None:  # type: ignore[no-untyped-def]
    Path("bad.toml").write_text(toml)
    assert says in refusal("--config=bad.toml")
    assert says in refusal(OBJSTORE_CONFIG="bad.toml")


def test_flags_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "objstore.toml").write_text("port = 1\nregion = 'eu-file-1'\nworkers = 3\n[tier.hot]\nk = 2\nm = 1\n")
    monkeypatch.setenv("OBJSTORE_PORT", "2")
    monkeypatch.setenv("OBJSTORE_REGION", "eu-variable-1")
    settings = load_settings(None, {"data": tmp_path, "port": 3, "tier": {"hot": {"m": 2}}})
    assert (settings.port, settings.region, settings.workers) == (3, "eu-variable-1", 3)
    assert str(settings.profiles()["hot"]) == "2+2"
    assert str(settings.profiles()["capacity"]) == "10+4"


REMOTE = """
[tier.archive]
endpoint = "https://s3.example.com"
bucket = "cold"
access_key = "key"
secret_key_env = "A_SECRET"
[storage_classes]
GLACIER = "archive"
"""


def test_a_tier_may_be_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "objstore.toml").write_text(REMOTE)
    settings = load_settings(None, {"data": tmp_path})
    assert settings.profiles().keys() == {"hot", "capacity"}
    assert str(settings.remote_profiles()["archive"]) == "1+0"
    with pytest.raises(StartError, match="there is no A_SECRET in the environment"):
        remote_specs(settings.tier, "c" * 32)
    monkeypatch.setenv("A_SECRET", "hush")
    (spec,) = remote_specs(settings.tier, "c" * 32)
    assert (spec.tier, spec.access_key, spec.secret_key, spec.path_style) == ("archive", "key", "hush", True)
    assert len(bytes.fromhex(spec.id)) == 16
    assert spec.id != remote_specs(settings.tier, "d" * 32)[0].id
    monkeypatch.setenv("OBJSTORE_TIER__ARCHIVE__SECRET_KEY", "variable")
    with pytest.raises(StartError, match="set either"):
        load_settings(None, {"data": tmp_path})


MORE = """
[tier.nearline]
k = 4
m = 2
[storage_classes]
NEARLINE = {tier = "nearline", like = "STANDARD_IA"}
VAULT = {tier = "nearline", like = "GLACIER"}
COOL = "capacity"
GLACIER_IR = "nearline"
"""


def test_more_tiers_of_drives_and_classes_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "objstore.toml").write_text(MORE)
    settings = load_settings(None, {"data": tmp_path})
    assert {name: str(profile) for name, profile in settings.profiles().items()} == {
        "hot": "4+2", "capacity": "10+4", "nearline": "4+2",
    }  # fmt: skip
    assert settings.like_by_class() == {"NEARLINE": "STANDARD_IA", "VAULT": "GLACIER", "COOL": "GLACIER_IR"}
    assert settings.tier_by_class()["VAULT"] == "nearline"
    assert len(plan_drives(settings)["nearline"]) == 6
    named = load_settings(None, {"data": tmp_path, "drives": [f"nearline={tmp_path}"]})
    assert list(named.drive_paths()) == ["nearline"]


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {})
    assert (settings.port, settings.region, settings.host) == (9000, "us-east-1", "127.0.0.1")
    assert settings.access_key is None
    assert "secret_key" not in repr(settings)


def test_every_setting_has_a_line_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for name in Settings.model_fields:
        assert f"`{name}`" in manual, name


def test_profile_of_text() -> None:
    assert parse_profile("capacity=10+4") == ("capacity", {"k": 10, "m": 4})
    for wrong in ("", "hot", "hot=4", "hot=4+2+1", "HOT=4+2", "hot=1e1+2", "hot= 4+2"):
        with pytest.raises(StartError):
            parse_profile(wrong)
