"""Encoders on a small made-up site: colour stripes, and random SAGA weights taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reid_engines.build import Order, Target, build, default_output
from reid_engines.encoders import open_encoder
from reid_engines.spec import InputSpec
from reid_engines.store import resolve
from reid_pipeline.errors import ConfigError, RecordError
from reid_pipeline.runtime.report import Quiet
from reid_tools.datasets import Dataset, Picture, load_dataset
from reid_tools.datasets.pictures import read_picture
from reid_tools.evaluate import reid_encoding
from reid_tools.evaluate.ranking import Figures
from reid_tools.evaluate.reid import evaluate_reid, outside_donors
from reid_tools.evaluate.reid_models import WHOLE, Opener, View, _fill
from reid_tools.evaluate.reid_result import Curve, EncoderScores, Point, ReidEvaluation, Try
from reid_tools.evaluate.reid_trial import Stress
from reid_tools.evaluate.rerank import Reranking
from small_weights import small_weights

PEOPLE, LOOKS = 6, 2


def paint(
    folder: Path, *, people: int = PEOPLE, cameras: Sequence[int] = (1, 2), first: int = 0, seed: int = 0
) -> Path:
    """People in clothes of their own colours, seen in other light by every camera."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for person in range(first, first + people):
        clothes = random.integers(30, 226, (3, 1, 3))
        for camera in cameras:
            for look in range(LOOKS):
                coarse = np.clip(clothes * (0.8 + 0.2 * camera) + random.normal(0, 12, (3, 2, 3)), 0, 255)
                picture = cv2.resize(coarse.astype(np.uint8), (40, 100))
                cv2.imwrite(str(folder / f"{person:04}_c{camera}_{look}.png"), picture)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Dataset:
    return load_dataset(paint(tmp_path / "site"), "flat")


def evaluate(
    dataset: Dataset, *models: str, parts: bool = False, reranking: Reranking | None = None, **stress: Any
) -> ReidEvaluation:
    opener = Opener(parts=parts)
    chosen = models or ("color-stripes",)
    return evaluate_reid(dataset, chosen, opener, stress=Stress(**stress), reranking=reranking, progress=Quiet())


def test_clean(site: Dataset) -> None:
    found = evaluate(site)
    (scores,) = found.encoders
    assert found.counted == PEOPLE * 2 * LOOKS
    assert scores.clean.rank1 > 0.8
    assert scores.curves == ()


@pytest.mark.parametrize("reranking", [None, Reranking(4, 2)])
def test_with_nothing_hidden_figures_are_the_clean_ones_bit_for_bit(site: Dataset, reranking: Reranking | None) -> None:
    clean = evaluate(site, reranking=reranking).encoders[0].clean
    (scores,) = evaluate(site, reranking=reranking, masks=(0, 40), distractors=(0, 30), seeds=2).encoders
    assert scores.clean == clean
    for curve in scores.curves:
        # The first point is the clean evaluation; the second went all the way with a share of 0.
        assert [point.level for point in curve.points][:2] == [0, 0]
        assert curve.points[0].mean.figures == curve.points[1].mean.figures == clean
        assert curve.points[1].spread == Figures(0, 0, 0, 0, 0)


def test_curves(site: Dataset, tmp_path: Path) -> None:
    donors = outside_donors(paint(tmp_path / "strangers", first=50, seed=5), site)
    found = evaluate(site, masks=(20, 60), distractors=(50,), donors=donors, seeds=2)
    curves = {(curve.condition, curve.kind): curve for curve in found.encoders[0].curves}
    assert list(curves) == [
        *(("mask", kind) for kind in ("rectangle", "strip", "cells", "all")),
        *(("distractor", kind) for kind in ("gallery", "outside")),
    ]
    every = curves["mask", "all"]
    for at in (1, 2):
        single = [curves["mask", kind].points[at].mean.figures.map for kind in ("rectangle", "strip", "cells")]
        assert every.points[at].mean.figures.map == pytest.approx(np.mean(single))
    assert every.points[2].mean.figures.map < every.points[0].mean.figures.map
    captured = curves["distractor", "gallery"].points[1].mean.captured
    assert captured is not None
    assert 0 < captured <= 1
    assert curves["distractor", "outside"].points[1].mean.captured is None
    assert found == evaluate(site, masks=(20, 60), distractors=(50,), donors=donors, seeds=2)


def test_pictures_are_read_once(site: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counting(path: Path) -> NDArray[np.uint8]:
        read.append(path)
        return read_picture(path)

    monkeypatch.setattr(reid_encoding, "read_picture", counting)
    evaluate(site, masks=(10, 20, 30), seeds=3)
    assert sorted(read) == [picture.path for picture in site.query]


def test_a_gallery_of_its_own(tmp_path: Path) -> None:
    paint(tmp_path / "query", cameras=[1])
    paint(tmp_path / "bounding_box_test", cameras=[1, 2])
    paint(tmp_path / "bounding_box_train", first=80, seed=9)
    dataset = load_dataset(tmp_path, "market1501")
    donors = outside_donors(None, dataset)
    assert donors == dataset.train
    found = evaluate(dataset, masks=(30,), families=("strip",), distractors=(20,), donors=donors, seeds=1)
    # Person 0 is a distractor in this layout, so nobody in the gallery is who these queries ask for.
    assert found.counted == (PEOPLE - 1) * LOOKS < len(dataset.query)
    assert [(c.condition, c.kind) for c in found.encoders[0].curves] == [
        ("mask", "strip"),
        ("distractor", "gallery"),
        ("distractor", "outside"),
    ]
    assert "not counted: 2." in found.table()


def test_train_people_in_the_gallery_are_no_outsiders() -> None:
    def of(person: int) -> Picture:
        return Picture(Path(f"{person}.png"), person, 1)

    dataset = Dataset("occluded-market", Path(), (of(1), of(2)), (of(3),), (of(2), of(3)))
    assert outside_donors(None, dataset) == (of(1),)


def test_donors_in_an_empty_folder(site: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none: expected a folder with pictures of people, found none"):
        outside_donors(tmp_path / "none", site)


def test_nobody_to_put_in_front(tmp_path: Path) -> None:
    dataset = load_dataset(paint(tmp_path, people=1), "flat")
    with pytest.raises(ConfigError, match="expected two people or more to put one in front of another, found one"):
        evaluate(dataset, distractors=(20,))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("kept", [0, 0.5, None])
def test_a_broken_picture_is_named(
    site: Dataset, suffix: str, kept: float | None, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 40, 3), np.uint8)
    content = cv2.imencode(suffix, noise)[1].tobytes()
    broken = site.folder / f"0001_c1_9{suffix}"
    broken.write_bytes(b"not a picture at all" if kept is None else content[: int(len(content) * kept)])
    dataset = load_dataset(site.folder, "flat")
    capfd.readouterr()
    with pytest.raises(RecordError, match=rf"0001_c1_9\{suffix}: expected a picture, .*; replace it or take it out"):
        evaluate(dataset)
    assert capfd.readouterr().err == ""


def test_parts_of_weights(site: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    weights = str(small_weights(tmp_path / "small.safetensors"))
    found = evaluate(site, weights, parts=True, masks=(30,), families=("strip",), seeds=1)
    assert [scores.part for scores in found.encoders] == ["refined", "cls", "projection", "fused"]
    assert [scores.dim for scores in found.encoders] == [48, 48, 32, 128]
    (whole,) = evaluate(site, weights, masks=(30,), families=("strip",), seeds=1).encoders
    assert found.encoders[3].clean == whole.clean
    assert found.encoders[3].curves == whole.curves
    assert "small refined" in found.table()


def test_fused_parts_are_the_vectors_of_the_encoder(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    weights = str(small_weights(tmp_path / "small.safetensors"))
    pictures = list(np.random.default_rng(0).integers(0, 256, (5, 64, 32, 3), np.uint8))
    model, encoder = Opener(parts=True).open(weights), open_encoder(weights)
    assert model.view == View(32, 64, (128, 128, 128))
    parts = model.split(model.submit(pictures).result())
    np.testing.assert_allclose(parts["fused"], encoder.submit(pictures).result(), atol=1e-5)
    for part in parts.values():
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-5)
    assert abs((parts["refined"] * parts["cls"]).sum(axis=1)).max() < 0.9
    model.close()
    encoder.close()


def test_parts_beside_encoders_without(site: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    found = evaluate(site, "color-stripes", str(small_weights(tmp_path / "small.safetensors")), parts=True)
    assert [scores.part for scores in found.encoders] == ["", "refined", "cls", "projection", "fused"]


def test_a_model_that_ships_with_its_weights_has_parts_under_its_name() -> None:
    pytest.importorskip("torch")
    model = Opener(parts=True).open("saga-s")
    parts = model.split(model.submit([np.full((256, 128, 3), 90, np.uint8)]).result())
    assert list(parts) == ["refined", "cls", "fused"]
    model.close()


def test_what_cannot_be_taken_apart(site: Dataset, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from reid_engines.saga.config import HALF, Fusion, SagaConfig, VitConfig
    from reid_engines.saga.model import Saga
    from reid_engines.saga.weights import save_weights

    torch.manual_seed(0)
    tower = VitConfig(width=48, layers=2, heads=4, patch=8, stride=8, projection=32, token_layer=1)
    config = SagaConfig(tower, None, Fusion(0, 1, 0), HALF, HALF, height=64, width=32)
    save_weights(Saga(config), tmp_path / "cls.safetensors")
    (tmp_path / "net.onnx").write_bytes(b"")
    expected = r"--parts: expected weights of the SAGA family with aggregation \(\.safetensors\), got "
    for given in ("color-stripes", str(tmp_path / "net.onnx"), str(tmp_path / "cls.safetensors")):
        with pytest.raises(ConfigError, match=expected):
            evaluate(site, given, parts=True)


def test_fill_is_the_mean_of_the_network() -> None:
    assert _fill(None) == (124, 116, 104)
    assert _fill(InputSpec(layout="nhwc")) == (124, 116, 104)
    assert _fill(InputSpec(mean=(10, 20, 30), std=(1, 1, 1))) == (10, 20, 30)
    assert _fill(InputSpec(mean=(10, 20, 30), color="bgr")) == (30, 20, 10)
    assert _fill(InputSpec(std=(255, 255, 255))) == (0, 0, 0)


@pytest.mark.parametrize("target", ["onnxruntime", "openvino"])
def test_a_built_file_says_what_to_fill_with(tmp_path: Path, target: Target) -> None:
    """Its normalisation is inside, where nothing but its contract tells the mean."""
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    weights = resolve(small_weights(tmp_path / "small.safetensors"), kind="encoder")
    path = default_output(weights.path, Order(target))
    build(weights, path, Order(target))
    for given in (weights.path, path):
        model = Opener().open(str(given))
        assert model.view == View(width=32, height=64, fill=(128, 128, 128))
        model.close()


def test_view_of_a_graph_file(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from small_nets import means_net

    path = means_net(tmp_path / "net.onnx")
    path.with_suffix(".yaml").write_text("{kind: encoder, input: {mean: 9}, encoder: {match: 0.5}}")
    model = Opener().open(str(path))
    assert model.view == View(width=4, height=6, fill=(9, 9, 9))
    assert list(model.split(np.ones((2, 5), np.float32))) == [WHOLE]
    model.close()


def figures(value: float) -> Figures:
    return Figures(value, value, value, value, value)


def test_points_and_areas() -> None:
    points = (
        Point.over(0, [Try(figures(0.9))]),
        Point.over(10, [Try(figures(0.7), 0.1), Try(figures(0.5), 0.3)]),
        Point.over(30, [Try(figures(0.2)), Try(figures(0.2))]),
    )
    assert points[1].mean.figures.map == pytest.approx(0.6)
    assert points[1].spread.map == pytest.approx(0.2)
    assert points[1].mean.captured == pytest.approx(0.2)
    curve = Curve("mask", "strip", points)
    assert curve.kept(points[2], "map") == pytest.approx(0.2 / 0.9)
    assert curve.area("map") == pytest.approx((10 * 0.75 + 20 * 0.4) / 30)
    nothing = Point.over(0, [Try(figures(0))])
    assert Curve("mask", "strip", (nothing,)).kept(nothing, "map") is None
    assert Curve("mask", "strip", points[:1]).area("map") == 0.9


def test_encoders_of_one_name_are_told_apart(site: Dataset) -> None:
    def scores(given: str) -> EncoderScores:
        return EncoderScores(given, "net", "", "0" * 64, 4, (0, 0, 0), figures(0.5), ())

    found = ReidEvaluation(site, 3, False, 3, (scores("a/net.xml"), scores("b/net.xml")))
    assert "a/net.xml" in found.table()
    assert "b/net.xml" in found.table()
