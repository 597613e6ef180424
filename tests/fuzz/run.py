"""python -m tests.fuzz.run TARGET SECONDS DIRECTORY: fuzz a target, led by coverage; findings are left in DIRECTORY."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["objstore"]):
    from tests.fuzz.targets import TARGETS

INPUT_BYTES_MAX = 4096


def main() -> None:
    """Run until the time is over, or something is found: then the exit code is not 0."""
    name, seconds, directory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    target, seeds = TARGETS[name]
    corpus = directory / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (corpus / f"seed-{i}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={directory}/",
        "-timeout=10",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
