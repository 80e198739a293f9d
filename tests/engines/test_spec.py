"""Spec files: what they may say, and how mistakes in them are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid_engines.errors import SpecError
from reid_engines.spec import FigureSpec, InputSpec, read_spec, shipped_specs, spec_for_file

ENCODER = "kind: encoder\nencoder: {match: 0.4}\n"


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_specs_are_named_after_their_files() -> None:
    specs = shipped_specs()
    assert {"yolox-tiny", "yolo11n", "yolo26n", "color-stripes", "saga-s"} <= set(specs)
    assert all(spec.name == name for name, spec in specs.items())


def test_shipped_models_with_a_file_name_their_licence_and_a_source() -> None:
    with_file = [spec for spec in shipped_specs().values() if spec.file]
    assert all(spec.licence and (spec.ships or spec.official or spec.package) for spec in with_file)


def test_a_short_spec_is_enough_and_is_named_after_its_file(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, ENCODER))
    assert (spec.name, spec.kind, spec.input) == ("mine", "encoder", InputSpec())


def test_one_number_stands_for_three_channels(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, ENCODER + "input: {mean: 127.5, std: [50, 60, 70]}\n"))
    assert spec.input.mean == (127.5, 127.5, 127.5)
    assert spec.input.std == (50.0, 60.0, 70.0)


def test_what_was_measured_is_a_line_each(tmp_path: Path) -> None:
    line = "- {data: PETS, queries: 40 % masked, rank1: 95.1, map: 91.8}\n"
    spec = read_spec(write(tmp_path, f"{ENCODER}figures:\n{line}"))
    assert spec.figures == (FigureSpec(data="PETS", queries="40 % masked", rank1=95.1, map=91.8),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENCODER + "licenze: MIT\n", "licenze: unknown key; did you mean licence?"),
        (ENCODER + "input: {widht: 128}\n", "input.widht: unknown key; did you mean width?"),
        (ENCODER + "training: {recipee: x}\n", "training.recipee: unknown key; did you mean recipe?"),
        (ENCODER + "figures: [{data: x, rank1: 101, map: 1}]\n", "figures.0.rank1: input should be less than or equal"),
        (ENCODER + "input: {zzz: 1}\n", "input.zzz: unknown key; known are width, height, color"),
        (ENCODER + "input: {color: grey}\n", "input.color: input should be 'rgb' or 'bgr', got 'grey'"),
        (ENCODER + "input: {std: 0}\n", "input.std.0: input should be greater than 0, got 0"),
        (ENCODER + "kind: detector\n", "duplicate key kind"),
        ("encoder: {match: 0.4}\n", "kind: missing"),
        ("kind: encoder\n", "encoder: missing; say from which cosine on two looks match"),
        ("- kind\n", "expected a map of keys such as `kind: encoder`, got list"),
        ("kind: [\n", "while parsing"),
        ("", "got NoneType"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert "\n" not in line


def test_a_spec_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (binary, tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(SpecError, match="cannot be read"):
            read_spec(path)


def test_a_spec_beside_the_model_goes_before_what_its_name_says(tmp_path: Path) -> None:
    model = tmp_path / "person-reidentification-retail-0288.xml"
    recognised = spec_for_file(model)
    assert recognised is not None
    assert (recognised.name, recognised.input.color) == (model.stem, "bgr")
    write(tmp_path, ENCODER, f"{model.stem}.yaml")
    own = spec_for_file(model)
    assert own is not None
    assert own.input.color == "rgb"


def test_nothing_is_known_of_a_file_with_another_name(tmp_path: Path) -> None:
    assert spec_for_file(tmp_path / "something.onnx") is None
