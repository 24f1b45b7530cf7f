"""Failures of what the tests here share say what they found, as those of the tests themselves do."""

import pytest

pytest.register_assert_rewrite("tests.support.load", "tests.support.promises", "tests.support.house")
