from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn.functional import cosine_similarity

from reid_engines.saga.config import MODELS, AggregationConfig, Fusion, SagaConfig
from reid_engines.saga.embedder import Embedder
from reid_engines.saga.model import Saga


def pictures(count: int, height: int = 64, width: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, generator=generator)


def test_vectors_have_length_one_and_join_all_parts(config: SagaConfig) -> None:
    vectors = Embedder(Saga(config))(pictures(3))
    assert vectors.dtype == torch.float32
    assert vectors.shape == (3, 48 + 48 + 32)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_the_inner_product_is_the_weighted_mean_of_the_parts_cosines(config: SagaConfig) -> None:
    embedder = Embedder(Saga(config))
    vectors = embedder(pictures(2))
    features = embedder.model((pictures(2).permute(0, 3, 1, 2) - 127.5) / 127.5)
    parts = (features.aggregated.refined, features.backbone.cls, features.backbone.projection)
    cosines = [cosine_similarity(part[0], part[1], dim=0).item() for part in parts]
    expected = (2 * cosines[0] + 0.2 * cosines[1] + 0.05 * cosines[2]) / 2.25
    assert (vectors[0] @ vectors[1]).item() == pytest.approx(expected, abs=1e-5)


def test_weights_0_1_0_rank_like_the_class_token(config: SagaConfig) -> None:
    model = Saga(config)
    vectors = Embedder(model, Fusion(0, 1, 0))(pictures(6))
    cls = model.backbone((pictures(6).permute(0, 3, 1, 2) - 127.5) / 127.5).cls
    torch.testing.assert_close(vectors @ vectors.T, cosine_similarity(cls[:, None], cls[None], dim=-1))


def test_clip_reid_joins_its_parts_as_they_are(config: SagaConfig) -> None:
    plain = dataclasses.replace(config, aggregation=None, fusion=MODELS["clip-reid"].fusion)
    model = Saga(plain)
    vectors = Embedder(model)(pictures(2))
    backbone = model.backbone((pictures(2).permute(0, 3, 1, 2) - 127.5) / 127.5)
    joined = torch.cat([backbone.cls, backbone.projection], dim=1)
    torch.testing.assert_close(vectors, joined / joined.norm(dim=1, keepdim=True))


def test_no_crops_give_no_vectors(config: SagaConfig) -> None:
    assert Embedder(Saga(config))(pictures(0)).shape == (0, 128)
    assert Embedder(Saga(MODELS["saga-s"]))(pictures(0, 256, 128)).shape == (0, 512)


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (torch.zeros(1, 64, 32, 3), "float32 (1, 64, 32, 3)"),
        (torch.zeros(1, 3, 64, 32, dtype=torch.uint8), "uint8 (1, 3, 64, 32)"),
        (torch.zeros(1, 64, 0, 3, dtype=torch.uint8), "uint8 (1, 64, 0, 3)"),
    ],
)
def test_pictures_of_another_kind_are_refused(config: SagaConfig, wrong: torch.Tensor, got: str) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 pictures \(N, 64, 32, 3\)") as caught:
        Embedder(Saga(config))(wrong)
    assert got in str(caught.value)


def check_export(model: Saga, path: Path) -> None:
    """The ONNX file takes uint8 pictures in batches of any size and gives the vectors that torch gives."""
    embedder, size = Embedder(model), (model.config.height, model.config.width)
    batch = torch.export.Dim("batch", min=1, max=256)
    torch.onnx.export(
        embedder, (pictures(2, *size),), path, dynamo=True, dynamic_shapes=({0: batch},), external_data=False
    )
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (vectors,) = session.run(None, {session.get_inputs()[0].name: pictures(count, *size).numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(vectors, embedder(pictures(count, *size)).numpy(), atol=2e-5)


@pytest.mark.parametrize("domain_anchors", [0, 3])
def test_the_exported_tower_gives_the_same_vectors(config: SagaConfig, tmp_path: Path, domain_anchors: int) -> None:
    aggregation = AggregationConfig(heads=4, domain_anchors=domain_anchors)
    check_export(Saga(dataclasses.replace(config, aggregation=aggregation)), tmp_path / "model.onnx")


def test_the_exported_small_model_gives_the_same_vectors(tmp_path: Path) -> None:
    check_export(Saga(MODELS["saga-s"]), tmp_path / "saga-s.onnx")


@pytest.mark.slow
def test_saga_b_has_the_shapes_of_the_paper(tmp_path: Path) -> None:
    model = Saga(MODELS["saga-b"]).eval()
    with torch.no_grad():
        features = model(torch.randn(1, 3, 256, 128))
    assert features.backbone.tokens.shape == (1, 210, 768)
    assert features.backbone.projection.shape == (1, 512)
    assert features.aggregated.attention.shape == (1, 210, 27)
    torch.testing.assert_close(features.aggregated.attention.sum(-1), torch.ones(1, 210))
    trained = sum(parameter.numel() for parameter in model.aggregation.parameters())
    assert trained == pytest.approx(14.18e6 + 2.36e6, rel=1e-3)
    check_export(model, tmp_path / "saga-b.onnx")


def test_saga_s_fits_the_repository() -> None:
    parameters = sum(parameter.numel() for parameter in Saga(MODELS["saga-s"]).parameters())
    assert parameters * 4 < 50e6
