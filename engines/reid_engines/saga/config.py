"""Shapes of the models of this family, by name; a weights file carries the one that it was made for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, TypeAdapter
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
_Triple = tuple[float, float, float]
_PositiveTriple = tuple[PositiveFloat, PositiveFloat, PositiveFloat]

HALF: _Triple = (127.5, 127.5, 127.5)
IMAGENET_MEAN: _Triple = (123.675, 116.28, 103.53)
IMAGENET_STD: _Triple = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True, config=_STRICT)
class VitConfig:
    """CLIP's image tower. `stride` below `patch` (both px) makes patches overlap; `token_layer` counts from 1.

    The tokens that are aggregated are those that leave block `token_layer`.
    """

    kind: Literal["vit"] = "vit"
    width: PositiveInt = 768
    layers: PositiveInt = 12
    heads: PositiveInt = 12
    patch: PositiveInt = 16
    stride: PositiveInt = 12
    projection: PositiveInt = 512
    token_layer: PositiveInt = 9

    def __post_init__(self) -> None:
        _divides("backbone", self.width, self.heads)
        if self.token_layer > self.layers:
            raise ValueError(f"backbone.token_layer {self.token_layer}: there are only {self.layers} layers")

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches in a picture of this size in pixels."""
        return (height - self.patch) // self.stride + 1, (width - self.patch) // self.stride + 1


@dataclass(frozen=True, slots=True, config=_STRICT)
class MobileNetConfig:
    """MobileNetV2 that ends at stride 16; `width` is the length of its tokens and of its global feature."""

    kind: Literal["mobilenet"] = "mobilenet"
    width: PositiveInt = 256

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens in a picture of this size in pixels, which 16 must divide."""
        return height // 16, width // 16


@dataclass(frozen=True, slots=True, config=_STRICT)
class AggregationConfig:
    """How tokens become one vector.

    `anchors` vectors are shared by all pictures, `domain_anchors` are made from each picture (0: none). `source` says
    where training takes the shared ones from: texts through CLIP's text tower, or free parameters. `expansion` is the
    width of the feed-forward layers in token widths.
    """

    anchors: PositiveInt = 24
    source: Literal["text", "free"] = "text"
    domain_anchors: NonNegativeInt = 3
    blocks: PositiveInt = 2
    heads: PositiveInt = 8
    expansion: PositiveInt = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


@dataclass(frozen=True, slots=True, config=_STRICT)
class Fusion:
    """What the final vector is made of; a part of weight 0 is left out.

    With `unit_parts` each part is brought to length 1 and scaled by the root of its weight, so that the inner product
    of two final vectors is the weighted mean of the parts' cosines. Without, the parts are joined as they are.
    """

    refined: NonNegativeFloat = 2.0
    cls: NonNegativeFloat = 0.2
    projection: NonNegativeFloat = 0.05
    unit_parts: bool = True

    def __post_init__(self) -> None:
        if not self.refined + self.cls + self.projection:
            raise ValueError("fusion: every weight is 0; at least one of refined, cls, projection must count")


@dataclass(frozen=True, slots=True, config=_STRICT)
class SagaConfig:
    """One model. `height` and `width` are the input's pixels; `mean` and `std` are of RGB values 0..255.

    Raises `ValueError` (pydantic's `ValidationError`) when the parts do not fit each other.
    """

    backbone: Annotated[VitConfig | MobileNetConfig, Field(discriminator="kind")]
    aggregation: AggregationConfig | None
    fusion: Fusion
    mean: _Triple
    std: _PositiveTriple
    height: PositiveInt = 256
    width: PositiveInt = 128

    def __post_init__(self) -> None:
        if self.aggregation is not None:
            _divides("aggregation", self.backbone.width, self.aggregation.heads)
        elif self.fusion.refined:
            raise ValueError("fusion.refined: there is no aggregation to refine anything; set it to 0")
        if self.fusion.projection and self.backbone.kind != "vit":
            raise ValueError(f"fusion.projection: a {self.backbone.kind} has no projection; set it to 0")

    @property
    def tokens(self) -> int:
        """How many tokens the backbone gives for one picture."""
        rows, columns = self.backbone.grid(self.height, self.width)
        return rows * columns


def _divides(where: str, width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"{where}.heads {heads}: does not divide the width {width}")


_ADAPTER: TypeAdapter[Any] = TypeAdapter(SagaConfig)


def to_json(config: SagaConfig) -> str:
    """The config as one line of JSON."""
    return _ADAPTER.dump_json(config).decode()


def from_json(text: str) -> SagaConfig:
    """The config that `to_json` wrote. Raises `ValueError` for anything else, unknown keys included."""
    config = _ADAPTER.validate_json(text)
    assert isinstance(config, SagaConfig)
    return config


MODELS: dict[str, SagaConfig] = {
    # As published: arXiv 2604.22190.
    "saga-b": SagaConfig(VitConfig(), AggregationConfig(), Fusion(), HALF, HALF),
    # Anchors are free parameters here: a model this small ships without CLIP, so it has no text to ground them in.
    "saga-s": SagaConfig(
        MobileNetConfig(),
        AggregationConfig(source="free", dropout=0.0),
        Fusion(refined=2.0, cls=0.2, projection=0.0),
        IMAGENET_MEAN,
        IMAGENET_STD,
    ),
    # To compare with. CLIP-ReID (AAAI 2023) joins the class token and its projection as they are.
    "clip-reid": SagaConfig(
        VitConfig(stride=16), None, Fusion(refined=0.0, cls=1.0, projection=1.0, unit_parts=False), HALF, HALF
    ),
    "vit-b-cls": SagaConfig(VitConfig(stride=16), None, Fusion(refined=0.0, cls=1.0, projection=0.0), HALF, HALF),
}
