"""Options that several commands share."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from mtalign.cli.options import shard_option


@click.command()
@shard_option("the lines")
def command(shard):
    click.echo(repr(shard))


@pytest.mark.parametrize(("value", "parsed"), [("1/1", (1, 1)), ("3/8", (3, 8)), (" 8/8 ", (8, 8))])
def test_a_shard_is_a_part_counted_from_one(value, parsed):
    assert CliRunner().invoke(command, ["--shard", value]).output == f"{parsed!r}\n"


def test_without_a_shard_there_is_none():
    assert CliRunner().invoke(command, []).output == "None\n"


@pytest.mark.parametrize(
    "value", ["0/8", "9/8", "1/0", "0/0", "1", "1/", "/8", "-1/8", "1.5/8", "a/b", "1/8/9", ""]
)
def test_a_wrong_shard_is_a_usage_error_that_says_what_to_write(value):
    result = CliRunner().invoke(command, ["--shard", value])
    assert result.exit_code == 2
    assert "such as 1/8" in result.output or "counted from 1" in result.output
