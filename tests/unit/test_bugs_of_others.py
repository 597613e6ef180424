"""Data-loss bugs that other stores had, and the tests that show that none of them is here.

The table is resolved: a test that is renamed, or no longer part of a run, is missed at once.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What happened → where it is tried here.
BUGS = {
    "B1: a read that took long queued live bytes for deletion": [
        "tests/repair/test_bugs.py::test_reads_held_open_while_everything_moves",
        "tests/store/test_moves.py::test_a_reader_with_the_old_extents_finishes",
    ],
    "B2: of two Completes, or a Complete and an Abort, both won: the object was listed, its parts were gone": [
        "tests/s3/test_races.py::test_complete_against_complete_and_abort",
        "tests/meta/test_uploads.py::test_completes_race",
        "tests/meta/test_uploads.py::test_complete_against_abort",
        "tests/lifecycle/test_bugs.py::test_complete_against_a_rule_that_aborts",
    ],
    "B3: a copy deleted the bytes that it shared with its source": [
        "tests/store/test_bugs.py::test_copies_keep_their_bytes",
    ],
    "B4: the source was deleted before the copy on the other tier was known to be whole": [
        "tests/repair/test_bugs.py::test_a_target_that_fails_leaves_the_source",
        "tests/store/test_moves.py::test_a_copy_that_does_not_read_back_is_not_trusted",
        "tests/store/test_moves.py::test_stopped_anywhere",
        "tests/lifecycle/test_kill.py::test_killed_while_moving",
    ],
    "B5: shards of two generations were mixed": [
        "tests/repair/test_heal.py::test_a_stale_generation_is_found_and_replaced",
    ],
    "B6: a node that started with EIO, EMFILE or an empty mount deleted what it did not find": [
        "tests/repair/test_fsck.py::test_a_drive_that_cannot_be_listed_is_left_as_it_is",
    ],
    "B7: shards were purged as dangling while drives were still coming up": [
        "tests/repair/test_bugs.py::test_drives_that_come_up_one_by_one",
    ],
    "B8: objects on the colder tier were not healed when drives were exchanged": [
        "tests/repair/test_bugs.py::test_each_drive_replaced_in_turn_with_all_data_demoted",
    ],
    "B9: a later write lost against one from a clock that was ahead": [
        "tests/store/test_bugs.py::test_clocks_that_differ_lose_no_update",
    ],
    "B10: a sync that had failed was tried again, and said to be done": [
        "tests/contract/test_drive.py::test_a_failed_fsync_poisons_the_shard",
        "tests/repair/test_bugs.py::test_a_file_whose_sync_failed_is_never_synced_again",
    ],
}


def test_all_ten_are_there() -> None:
    assert [name.partition(":")[0] for name in BUGS] == [f"B{number}" for number in range(1, 11)]


@pytest.mark.parametrize("bug", BUGS, ids=lambda name: name.partition(":")[0])
def test_each_is_tried_in_the_default_run(bug: str) -> None:
    for where in BUGS[bug]:
        path, _, name = where.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        found = [node for node in tree.body if getattr(node, "name", "") == name]
        assert len(found) == 1, f"{where} is not there"
        [test] = found
        assert isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        marks = " ".join(map(ast.unparse, test.decorator_list)) + _marks_of(tree)
        assert not {"soak", "skip", "xfail"} & set(marks.replace(".", " ").replace("(", " ").split()), where


def _marks_of(tree: ast.Module) -> str:
    """What ``pytestmark`` says, if anything."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return " ".join(ast.unparse(node) for node in assigned if "pytestmark" in ast.unparse(node.targets[0]))
