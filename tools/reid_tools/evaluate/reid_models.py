# ruff: noqa: PLC0415
"""Encoders as an evaluation needs them: with the size of their input and the colour that says nothing to them.

An encoder is opened exactly as the pipeline opens it. Weights of the SAGA family can be taken apart as well: what the
aggregation makes of a picture alone, the class token (or global feature) alone, and both fused, out of one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reid_engines.backends import FirstBuild, describe_graph
from reid_engines.backends.graph import Opening, picture_shape
from reid_engines.contract import PICTURES, read_contract, with_contract
from reid_engines.encoders import COARSEST, color_stripes, open_encoder
from reid_engines.export import load_embedder
from reid_engines.futures import then
from reid_engines.saga.config import IMAGENET_MEAN, Fusion, SagaConfig, VitConfig
from reid_engines.spec import InputSpec, shipped_specs
from reid_engines.store import WEIGHTS_SUFFIX, ResolvedModel, resolve, resolve_weights
from reid_pipeline.errors import ConfigError
from reid_pipeline.types import Image
from reid_tools.evaluate.ranking import Float32
from reid_tools.evaluate.stress import Color

if TYPE_CHECKING:
    from reid_engines.saga.embedder import Embedder

WHOLE = ""
_PARTS_BATCH = 32


@dataclass(frozen=True, slots=True)
class View:
    """The input of an encoder in pixels, and the RGB colour that its normalisation brings (nearly) to 0."""

    width: int
    height: int
    fill: Color


@dataclass(frozen=True, slots=True)
class Model:
    """An open encoder. `submit` takes RGB pictures at the size of `view`, at most `batch`, and gives rows.

    `split` makes unit vectors (N, D) of rows, by the name of the part that they describe: `WHOLE` unless taken apart.
    """

    given: str
    name: str
    sha256: str
    view: View
    batch: int
    parallel: int
    submit: Callable[[Sequence[Image]], Future[Float32]]
    split: Callable[[Float32], Mapping[str, Float32]]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Opener:
    """How models are opened: `backend` and `mirror` are those of `open_encoder`, `note` is told which backend it is.

    With `parts` weights that have parts are taken apart; other encoders stay whole, to compare with.
    """

    backend: str = "auto"
    mirror: Path | None = None
    note: Callable[[str], None] = lambda line: None
    parts: bool = False

    def open(self, given: str) -> Model:
        """Open a model by name or path. Raises what `open_encoder` raises."""
        embedder = self._embedder(given) if self.parts else None
        if embedder is None:
            return self._open_whole(given)
        return _taken_apart(given, resolve_weights(given, mirror=self.mirror), embedder)

    def check(self, models: Sequence[str]) -> None:
        """Raise `ConfigError` when parts are asked for and none of the models has any."""
        if self.parts and not any(map(self._embedder, models)):
            raise ConfigError(
                f"--parts: expected weights of the SAGA family with aggregation ({WEIGHTS_SUFFIX}), "
                f"got {', '.join(models)}; a built file gives only the fused vector"
            )

    def _open_whole(self, given: str) -> Model:
        encoder = open_encoder(
            given,
            backend=self.backend,
            mirror=self.mirror,
            first_build=FirstBuild(self.note),
        )
        try:
            view = self._view(given)
        except Exception:
            encoder.close()
            raise
        return Model(
            given=given,
            name=encoder.name,
            sha256=encoder.sha256,
            view=view,
            batch=encoder.batch,
            parallel=encoder.parallel,
            submit=encoder.submit,
            split=lambda vectors: {WHOLE: vectors},
            close=encoder.close,
        )

    def _view(self, given: str) -> View:
        if _is_code(given):
            return View(color_stripes.WIDTH_PX, color_stripes.HEIGHT_PX, _fill(None))
        model = resolve(given, kind="encoder", mirror=self.mirror)
        if model.path.suffix == WEIGHTS_SUFFIX:
            return _view_of(load_embedder(model.path).model.config)
        info = describe_graph(model.path, backend=self.backend)
        contract = read_contract(model.path, info.metadata)
        known = with_contract(model, info.metadata).spec
        assert known is not None
        shape = picture_shape(model.path, info, Opening(known.input, "rgb", batch=1, threads=0))
        return View(shape.width, shape.height, _rounded(contract.mean) if contract else _fill(known.input))

    def _embedder(self, given: str) -> Embedder | None:
        """The model to take apart; None for one that is no weights file or has no parts."""
        if _is_code(given):
            return None
        path = resolve_weights(given, mirror=self.mirror).path
        embedder = load_embedder(path) if path.suffix == WEIGHTS_SUFFIX else None
        return embedder if embedder is not None and embedder.model.config.aggregation is not None else None


def _is_code(given: str) -> bool:
    spec = shipped_specs().get(given)
    return spec is not None and spec.file is None and spec.recognise is None


def _taken_apart(given: str, model: ResolvedModel, embedder: Embedder) -> Model:
    from reid_engines.backends.torch import graph_of
    from reid_engines.saga.embedder import Embedder

    config: SagaConfig = embedder.model.config
    widths = {"refined": config.backbone.width, "cls": config.backbone.width}
    if isinstance(config.backbone, VitConfig):
        widths["projection"] = config.backbone.projection
    joined = Embedder(embedder.model, Fusion(1, 1, float("projection" in widths), unit_parts=False))
    graph = graph_of(joined, Opening(PICTURES, "rgb", _PARTS_BATCH, threads=0, coarsest=COARSEST))
    return Model(
        given=given,
        name=model.name,
        sha256=model.sha256,
        view=_view_of(config),
        batch=graph.batch,
        parallel=graph.parallel,
        submit=lambda pictures: then(graph.submit(np.stack(pictures)), lambda outputs: outputs[0]),
        split=lambda rows: _parts(rows, widths, config.fusion),
        close=graph.close,
    )


def _parts(rows: Float32, widths: Mapping[str, int], fusion: Fusion) -> dict[str, Float32]:
    """The parts joined in `rows`, each at length 1, and what the model's own fusion makes of them."""
    ends = np.cumsum(list(widths.values()))
    assert rows.shape[1] == ends[-1]
    joined = dict(zip(widths, np.split(rows, ends[:-1], axis=1), strict=True))
    alone = {name: _unit(part) for name, part in joined.items()}
    fused = [
        np.float32(weight**0.5) * (alone if fusion.unit_parts else joined)[name]
        for name in joined
        if (weight := getattr(fusion, name))
    ]
    return {**alone, "fused": _unit(np.concatenate(fused, axis=1))}


def _unit(vectors: Float32) -> Float32:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _view_of(config: SagaConfig) -> View:
    return View(config.width, config.height, _rounded(config.mean))


def _fill(network: InputSpec | None) -> Color:
    """The mean that is subtracted; where a network of other origin does that inside, ImageNet's, as nearly all do."""
    if network is None or network == network.model_copy(update={"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}):
        return _rounded(IMAGENET_MEAN)
    return _rounded(network.mean if network.color == "rgb" else network.mean[::-1])


def _rounded(mean: Sequence[float]) -> Color:
    red, green, blue = (min(max(round(value), 0), 255) for value in mean)
    return red, green, blue
