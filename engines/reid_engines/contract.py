"""What a file built here says of itself, so that opening it takes no spec beside it.

The contract is one line of JSON in the file's own metadata (ONNX `metadata_props`, OpenVINO `rt_info`, the header of a
TensorRT engine), under `KEY`. Graphs built here take pictures as they are: normalisation, fusion and length 1 are
inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from reid_engines.errors import ModelFileError, SpecError
from reid_engines.saga.config import IMAGENET_MEAN
from reid_engines.spec import InputSpec, ModelSpec, Sha256, Shift
from reid_engines.store import WEIGHTS_SUFFIX, ResolvedModel

KEY = "reid_contract"
Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# uint8 RGB pictures (N, H, W, 3), nothing subtracted and nothing scaled.
PICTURES = InputSpec(layout="nhwc")


class Contract(BaseModel):
    """`weights` is the sha256 of the weights file that the graph was built from, `precision` that of the graph.

    `mean` is what the normalisation inside subtracts, RGB 0..255: the colour that says nothing to the network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    spec: ModelSpec
    weights: Sha256
    precision: Precision = "fp32"
    mean: Shift = IMAGENET_MEAN

    def metadata(self) -> dict[str, str]:
        """The entry to write into a file."""
        return {KEY: self.model_dump_json(exclude_defaults=True)}


def contract_for(weights: ResolvedModel, dim: int, *, mean: tuple[float, float, float]) -> Contract:
    """The contract of a float32 graph of these weights.

    Raises `SpecError` when it is not known from which cosine on two looks match, or when the spec has another `dim`.
    """
    known = weights.spec
    if known is None or known.encoder is None:
        beside = weights.path.with_suffix(".yaml")
        raise SpecError(
            f"{weights.path}: from which cosine on do two looks match? Write {beside} with what was measured for these "
            "weights, such as {kind: encoder, encoder: {match: 0.5}}"
        )
    if known.encoder.dim not in (None, dim):
        raise SpecError(f"{weights.path}: its spec says encoder.dim {known.encoder.dim}, the model gives {dim}")
    spec = ModelSpec(
        name=weights.path.stem,
        kind="encoder",
        licence=known.licence,
        description=known.description,
        input=PICTURES,
        encoder=known.encoder.model_copy(update={"dim": dim}),
    )
    return Contract(spec=spec, weights=weights.sha256, mean=mean)


def read_contract(path: Path, metadata: Mapping[str, str]) -> Contract | None:
    """The contract in a file's metadata, None for a file of other origin. Raises `ModelFileError` for a broken one."""
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        return Contract.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or KEY
        raise ModelFileError(
            f"{path}: its contract is not one of this version ({where}: {problem['msg']}); build it again"
        ) from None


def with_contract(model: ResolvedModel, metadata: Mapping[str, str]) -> ResolvedModel:
    """The model with what its file says of itself, which goes before any spec.

    Graphs of the same weights get the same `sha256`, so that their vectors may share a gallery; int8 is another model.
    """
    if model.path.suffix == WEIGHTS_SUFFIX and model.spec is not None:
        return replace(model, spec=model.spec.model_copy(update={"input": PICTURES}))
    contract = read_contract(model.path, metadata)
    if contract is None:
        return model
    sha256 = model.sha256 if contract.precision == "int8" else contract.weights
    return replace(model, name=model.path.stem, spec=contract.spec, sha256=sha256)
