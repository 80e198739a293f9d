"""What the README says is run: commands, configuration, model spec; and nothing the program can do is left out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from reid_engines.spec import read_spec
from reid_pipeline.cli.app import app
from reid_pipeline.config.loader import load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def test_every_command_is_in_the_readme() -> None:
    group = typer.main.get_command(app)
    context = typer.Context(group)
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        assert f"reid-pipeline {name}" in README, name


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert link.startswith("http") or (ROOT / link).exists(), link
