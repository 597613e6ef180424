"""Every class of attacks has a test that is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.attacks.register import NAMED, TABLES

ROOT = Path(__file__).parents[2]
CLASSES = [*(f"A{i}" for i in range(1, 91)), *(f"T{i}" for i in range(1, 24))]


@cache
def functions(path: str) -> frozenset[str]:
    """Names of the tests of a file, methods too."""
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return frozenset(one.name for one in nodes if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def numbers() -> frozenset[str]:
    """Numbers that cases of the tables carry: texts that are, or begin with, one."""
    found: set[str] = set()
    for path in TABLES:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = re.match(r"([AT]\d{1,2})\b", node.value)
                found |= {match[1]} if match else set()
    return frozenset(found)


@pytest.mark.parametrize("number", CLASSES)
def test_a_class_is_tested(number: str) -> None:
    named = NAMED.get(number, ())
    assert named or number in numbers(), f"nothing tests {number}"
    for reference in named:
        path, _, name = reference.partition("::")
        assert name in functions(path), f"{number}: there is no {reference}"


def test_no_class_is_made_up() -> None:
    assert set(NAMED) <= set(CLASSES)
    assert numbers() <= set(CLASSES)
