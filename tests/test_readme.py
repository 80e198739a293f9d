"""What the README says is run: commands, configuration, model spec; and nothing the program can do is left out.

Commands of the other pages need data that is not here: they are looked up, with their options.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reid_engines.spec import read_spec
from reid_pipeline.cli.app import app
from reid_pipeline.config.loader import load_config

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
README = PAGES["README.md"]
PROGRAM = Path(sys.executable).with_name("reid-pipeline")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_session_works_as_shown(tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) >= 6
    for line in lines:
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "out" / "tracks.json").is_file()
    assert (tmp_path / "mot" / "entrance.txt").is_file()


def test_the_configuration_shown_is_accepted(tmp_path: Path) -> None:
    shown = [block for block in blocks("yaml") if block.startswith("cameras:")]
    assert len(shown) == 1
    path = tmp_path / "cameras.yaml"
    path.write_text(shown[0], encoding="utf-8")
    loaded = load_config(path, environment={"ENTRANCE_PASSWORD": "secret"})
    assert loaded.warnings == ()
    assert sorted(loaded.config.cameras) == ["entrance", "lobby"]


def test_the_model_spec_shown_is_accepted(tmp_path: Path) -> None:
    shown = [block for block in blocks("yaml") if block.startswith("kind:")]
    assert len(shown) == 1
    path = tmp_path / "model.yaml"
    path.write_text(shown[0], encoding="utf-8")
    assert read_spec(path).kind == "encoder"


def test_both_installing_commands_are_there_for_ci() -> None:
    commands = blocks("sh")
    assert len(commands) == 2
    assert "reid-pipeline run camera_configs/plaza.yaml" in commands[0]
    assert "pytest" in commands[1]
    for command in commands:
        assert shlex.split(command)


def all_commands() -> dict[str, set[str]]:
    """The options of every command, such as `gallery list`."""
    found: dict[str, set[str]] = {}
    waiting: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        if hasattr(command, "commands"):
            waiting += [(f"{name} {part}".strip(), one) for part, one in command.commands.items()]
        else:
            found[name] = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return found


def said_commands(text: str) -> list[tuple[str, list[str]]]:
    """Every command that a page writes, such as `gallery list`, and its options; `list|show` are two."""
    groups = {name.split()[0] for name in all_commands() if " " in name}
    found = []
    for line in re.findall(r"reid-pipeline ([a-z][^`\n]*)", text.replace("\\|", "|").replace("\\\n", " ")):
        words = line.split()
        parts = words[1].split("|") if words[0] in groups else [""]
        options = re.findall(r"(?<!\S)--[a-z-]+", line)
        found += [(f"{words[0]} {part}".strip(), options) for part in parts]
    return found


def test_every_command_is_in_the_readme() -> None:
    assert set(all_commands()) == {name for name, _ in said_commands(README)}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_every_page_exist_with_their_options(page: str) -> None:
    known = all_commands()
    for name, options in said_commands(PAGES[page]):
        assert name in known, name
        assert set(options) <= known[name], (name, options)


@pytest.mark.parametrize("page", PAGES)
def test_modules_that_are_called_can_be(page: str) -> None:
    for name in re.findall(r"python -m (reid_tools[a-z_.]*)", PAGES[page]):
        assert find_spec(f"{name}.__main__" if (ROOT / "tools" / name.replace(".", "/")).is_dir() else name), name


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = ROOT if page == "README.md" else ROOT / "docs"
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        assert link.startswith("http") or (folder / link).exists(), link
