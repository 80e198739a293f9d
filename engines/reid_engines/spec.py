"""What is known of a model beside its weights: one small YAML file per model.

Shipped specs live in `specs/`. A user's own model, `path/to/model.onnx` or `.xml`, may have one beside it as
`path/to/model.yaml`; the least it must say is `kind`, and for an encoder `encoder: {match: ...}`.
"""

from __future__ import annotations

from collections.abc import Hashable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from reid_engines.errors import SpecError

Color = Literal["rgb", "bgr"]
Kind = Literal["detector", "encoder"]


def _triple(value: object) -> object:
    return [value] * 3 if isinstance(value, int | float) else value


Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, Field(gt=0, description="bytes")]
Shift = Annotated[tuple[float, float, float], BeforeValidator(_triple)]
Scale = Annotated[tuple[PositiveFloat, PositiveFloat, PositiveFloat], BeforeValidator(_triple)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Strict):
    """What the network wants to see: `x = (pixel - mean) / std` for pixels 0..255, per channel in the order `color`.

    `mean` and `std` are one number or three, so a network that takes 0..1 has `std: 255`. `width` and `height` (pixels)
    are needed only for a graph that leaves them open.
    """

    width: PositiveInt | None = None
    height: PositiveInt | None = None
    color: Color = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    mean: Shift = (0.0, 0.0, 0.0)
    std: Scale = (1.0, 1.0, 1.0)


class DetectorSpec(_Strict):
    """How pictures are fitted into a detector's input, and which of its classes is a person.

    `letterbox` is where the picture sits in the square, `pad` the grey (0..255) around it. `head` names the output
    layout where the graph does not show it.
    """

    letterbox: Literal["center", "topleft"] = "center"
    pad: Annotated[int, Field(ge=0, le=255)] = 114
    person_class: Annotated[int, Field(ge=0)] = 0
    head: str | None = None


class EncoderSpec(_Strict):
    """`match` is the cosine of best looks from which two tracks are one person; `dim` is checked if given."""

    match: Annotated[float, Field(ge=-1, le=1)]
    dim: PositiveInt | None = None


class FileSpec(_Strict):
    """The weights file: its name in the model folder and what it must hash to."""

    name: str
    sha256: Sha256
    size: Size


class OfficialSource(_Strict):
    """The publisher's own address; `member` is the file to take when the address is a zip archive."""

    url: str
    member: str | None = None


class PackageSource(_Strict):
    """A package on a public index that holds the file. `sha256` and `size` are those of the package archive."""

    pypi: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+$")]
    kind: Literal["wheel", "sdist"]
    member: str
    sha256: Sha256
    size: Size


class TrainingSpec(_Strict):
    """Where weights come from: the recipe that `reid-pipeline train` takes, what it started and learned from, and on
    which terms each of them could be had.
    """

    recipe: str
    start: str
    teacher: str
    data: tuple[str, ...]


Percent = Annotated[float, Field(ge=0, le=100)]


class FigureSpec(_Strict):
    """What `evaluate reid` says of a model on a data set, with `queries` in some other condition than as they are.

    `part` is one part of the vectors alone, `captured` the share of queries led by whoever was put in front.
    """

    data: str
    queries: str = ""
    part: str = ""
    rank1: Percent
    map: Percent
    captured: Percent | None = None


class ModelSpec(_Strict):
    """One model. `file` is absent for a model without weights and for a user's own; `recognise` matches file stems.

    A model that `ships` has its `file` in the project's `weights/`, with the `weights` that the file was built from.
    """

    name: str
    kind: Kind
    licence: str = ""
    description: str = ""
    recognise: str | None = None
    ships: bool = False
    file: FileSpec | None = None
    weights: FileSpec | None = None
    input: InputSpec = InputSpec()
    detector: DetectorSpec = DetectorSpec()
    encoder: EncoderSpec | None = None
    official: OfficialSource | None = None
    package: PackageSource | None = None
    training: TrainingSpec | None = None
    figures: tuple[FigureSpec, ...] = ()

    @property
    def has_name(self) -> bool:
        """Whether the model can be asked for by its name; the others are kinds of files."""
        return self.recognise is None or self.file is not None


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys without a word; a spec must not have them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# What a shipped spec says of its own file and not of a user's file that it recognises.
_OF_THE_SHIPPED_FILE: dict[str, Any] = {"ships": False, "file": None, "weights": None, "training": None, "figures": ()}


def read_spec(path: Path) -> ModelSpec:
    """The spec in a YAML file; `name` defaults to the file's stem.

    Raises `SpecError` with one line that names the file, the key, and the nearest known key for an unknown one.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise SpecError(f"{path}: expected a map of keys such as `kind: encoder`, got {type(content).__name__}")
    try:
        spec = ModelSpec.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        raise SpecError(f"{path}: {_explain(error)}") from None
    if spec.kind == "encoder" and spec.encoder is None:
        raise SpecError(
            f"{path}: encoder: missing; say from which cosine on two looks match: `encoder: {{match: 0.5}}`"
        )
    return spec


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key{_suggest(problem['loc'])}")
        elif problem["type"] == "missing":
            lines.append(f"{where}: missing")
        else:
            lines.append(f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r}")
    return "; ".join(lines)


def _suggest(location: tuple[int | str, ...]) -> str:
    sections: dict[str, type[BaseModel]] = {
        "input": InputSpec,
        "detector": DetectorSpec,
        "encoder": EncoderSpec,
        "file": FileSpec,
        "official": OfficialSource,
        "package": PackageSource,
        "training": TrainingSpec,
        "figures": FigureSpec,
    }
    owner = sections[str(location[0])] if len(location) > 1 else ModelSpec
    known = list(owner.model_fields)
    near = get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


@lru_cache(maxsize=1)
def shipped_specs() -> dict[str, ModelSpec]:
    """Every spec that comes with the project, by name, in the order of their names."""
    return {path.stem: read_spec(path) for path in sorted(shipped_folder("specs").glob("*.yaml"))}


def shipped_folder(name: Literal["specs", "weights"]) -> Path:
    """A folder that comes with the package: part of it in a wheel, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def spec_for_file(path: Path) -> ModelSpec | None:
    """What is known of a user's model file: the YAML beside it, else a shipped spec that recognises its name."""
    beside = path.with_suffix(".yaml")
    if beside.is_file():
        return read_spec(beside)
    for spec in shipped_specs().values():
        if spec.recognise and fnmatchcase(path.stem, spec.recognise):
            return spec.model_copy(update={"name": path.stem, **_OF_THE_SHIPPED_FILE})
    return None
