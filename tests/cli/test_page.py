"""docs/cli.md says what the parser and the tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pycage.cli.exits import EXITS
from pycage.cli.flags import FLAGS
from pycage.cli.main import COMMANDS, parser_of

PAGE = (Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")


def rows_of(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def test_every_command_is_on_the_page_with_its_help() -> None:
    expected = {f"`{name}`": parser_of(name).description for name in COMMANDS}

    told = {name: help_[0].upper() + help_[1:] + "." for name, help_ in rows_of("Commands")}

    assert expected == told


def test_every_permission_flag_is_on_the_page_with_its_value_and_its_help() -> None:
    expected = [[f"`--allow-{flag.word}`", f"`{flag.value}`" if flag.value else "", flag.help] for flag in FLAGS]

    assert expected == rows_of("Permissions")[: len(FLAGS)]


def test_every_exit_code_is_on_the_page() -> None:
    assert [[str(code), meaning] for code, meaning in EXITS.items()] == rows_of("Exit codes")[:-1]


@pytest.mark.parametrize("name", ["run"])
def test_every_option_is_on_the_page(name: str) -> None:
    options = {option for action in parser_of(name)._actions for option in action.option_strings if len(option) > 2}
    denials = {option for option in options if option.startswith("--deny")}

    assert {option.replace("deny", "allow", 1) for option in denials} <= options
    missing = {option for option in options - denials - {"--help"} if f"{option}" not in PAGE}
    assert missing == set()


def test_the_page_names_no_option_that_is_not_there() -> None:
    known = {option for name in COMMANDS for action in parser_of(name)._actions for option in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", PAGE)) - {"--deny"}

    assert named - known == set()
