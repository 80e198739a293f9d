"""One way in: a recipe's YAML file becomes a checked recipe, or one line per problem says what to change.

A recipe names its method; the method's model says which keys there are. Paths are relative to the YAML file. Loading
reads that file and the environment, and nothing else.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from reid_pipeline.config import problems
from reid_pipeline.config.document import Document, Finding, KeyPath, read_document
from reid_pipeline.errors import ConfigError, MissingExtra
from reid_pipeline.runtime.report import Progress
from reid_tools.train.distillation.recipe import DistillationRecipe
from reid_tools.train.saga.recipe import SagaRecipe

Train = Callable[[Any, Path, Progress], Path]

SHIPPED = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Method:
    """A way to train: what its recipes say, and `module:function` that carries one out in a folder.

    The function takes the recipe, the folder and where to say how far it is, and gives the weights file.
    """

    recipe: type[BaseModel]
    function: str

    def load(self) -> Train:
        """The function; imports what it needs. Raises `MissingExtra` without torch."""
        if find_spec("torch") is None:
            raise MissingExtra("training needs torch: pip install 'reid-pipeline[train]'")
        module, _, name = self.function.partition(":")
        return cast(Train, getattr(import_module(module), name))


METHODS: dict[str, Method] = {
    "saga": Method(SagaRecipe, "reid_tools.train.saga.run:train"),
    "distillation": Method(DistillationRecipe, "reid_tools.train.distillation.run:distil"),
}


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe, its name (that of its file) and its method. Paths in it are absolute."""

    name: str
    method: Method
    recipe: BaseModel


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with the project, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_recipe(given: str, *, data: Path | None = None, environment: Mapping[str, str] | None = None) -> LoadedRecipe:
    """Read and check the recipe of that name, or in that file.

    Args:
        given: A key of `shipped_recipes` or the path of a YAML file.
        data: Takes the place of the recipe's `data.root`.
        environment: What `${NAME}` refers to; the process's environment when left out.

    Raises:
        ConfigError: Something is wrong; the message has one line per problem, `FILE:LINE: key: problem`.
    """
    path = _find(given)
    document = _read(path, os.environ if environment is None else environment)
    method = _method(document, path)
    if data is not None:
        _place(document, data, method, path)
    return LoadedRecipe(path.stem, method, _anchored(_checked(document, method.recipe, path), path.absolute().parent))


def _find(given: str) -> Path:
    known = shipped_recipes()
    if given in known:
        return known[given]
    path = Path(given)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise ConfigError(f"{path}: no such recipe file; give a file, or one of {', '.join(known)}")
    raise ConfigError(f"recipe {given}: unknown; {problems.nearest(given, known)}")


def _read(path: Path, environment: Mapping[str, str]) -> Document:
    try:
        document = read_document(path.read_text(encoding="utf-8-sig"), environment)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text; save the file in that encoding") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(
            f"{place}: not valid YAML: {getattr(error, 'problem', None) or 'nested too deeply'}"
        ) from None
    if not isinstance(document.data, dict):
        raise ConfigError(f"{path}:1: expected a map that starts with the key method")
    return document


def _method(document: Document, path: Path) -> Method:
    name = document.data.get("method")
    if name is None:
        raise ConfigError(f"{path}:1: method: this key is required and missing; add one of {', '.join(METHODS)}")
    if name not in METHODS:
        raise ConfigError(f"{path}:{document.line(('method',))}: method {name}: {problems.nearest(str(name), METHODS)}")
    return METHODS[name]


def _place(document: Document, data: Path, method: Method, path: Path) -> None:
    if "data" not in method.recipe.model_fields:
        raise ConfigError(f"--data: {path} names its data by itself, key by key; change it there")
    if not isinstance(section := document.data.get("data") or {}, dict):
        return  # refused with its line later on
    document.data["data"] = {**section, "root": str(data.absolute())}


def _checked(document: Document, model: type[BaseModel], path: Path) -> BaseModel:
    unknown = list(_unknown_keys(document.data, model, ()))
    for key, _ in unknown:
        _remove(document.data, key)
    # A section whose keys are all commented out means its defaults.
    sections = {key: value for key, value in document.data.items() if value is not None}
    found = [*document.findings]
    found += [
        Finding(document.line(key), key, f"unknown key; {problems.nearest(str(key[-1]), k)}") for key, k in unknown
    ]
    try:
        # JSON's strict mode is the one that takes lists for tuples and text for paths, but no "10" for 10.
        recipe = model.model_validate_json(json.dumps(sections), strict=True)
    except ValidationError as error:
        # A required key that is there with a typing error in it is one problem, not two.
        meant = {(*key[:-1], *difflib.get_close_matches(str(key[-1]), known, n=1)) for key, known in unknown}
        found += [finding for finding in problems.findings(error, document) if finding.path not in meant]
    if found:
        lines = (f"{path}:{finding}" for finding in sorted(found, key=lambda finding: (finding.line, str(finding))))
        raise ConfigError("\n".join(lines))
    return recipe


def _unknown_keys(value: Any, annotation: Any, path: KeyPath) -> Iterator[tuple[KeyPath, list[str]]]:
    """Keys that no model of `annotation` has, each with those known in its place."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_keys(item, annotation, (*path, index))
    elif isinstance(value, dict) and (models := list(_models_in(annotation))):
        fields = min((_fields(model) for model in models), key=lambda known: len(value.keys() - known.keys()))
        for key, item in value.items():
            if key in fields:
                yield from _unknown_keys(item, fields[key].annotation, (*path, key))
            else:
                yield (*path, key), list(fields)


def _models_in(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "__pydantic_fields__") or hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _fields(model: Any) -> Mapping[str, Any]:
    """The fields of a pydantic model or dataclass."""
    return cast(Mapping[str, Any], getattr(model, "model_fields", None) or model.__pydantic_fields__)


def _remove(values: Any, path: KeyPath) -> None:
    for part in path[:-1]:
        values = values[part]
    del values[path[-1]]


def _anchored(value: Any, folder: Path) -> Any:
    """The same with relative paths, wherever they are, taken from `folder`."""
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, tuple):
        return tuple(_anchored(item, folder) for item in value)
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _anchored(item, folder) for name, item in value})
    return value
