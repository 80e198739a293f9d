"""One phase: what it minimises, what it learns, and what it leaves to the next."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from drawn_people import colour_network, drawn_people
from reid_engines.saga.config import MODELS, SagaConfig
from reid_engines.saga.model import Saga
from reid_pipeline.types import Image
from reid_tools.train.distillation.batches import Batch, Batches, Mix
from reid_tools.train.distillation.pictures import Pool
from reid_tools.train.distillation.stage import WEIGHTS, Distillation, Heads, Learned, Schedule
from reid_tools.train.distillation.student import FROZEN, model_of
from reid_tools.train.distillation.teacher import Teacher

STRIDE = 16
MIX = Mix(pictures=6, persons=2, views=3, hidden=0.5, redressed=0.0, recoloured=0.0)
STRANGERS_ALONE = dataclasses.replace(MIX, pictures=12, persons=0)
SHORT = Schedule(steps=3, rate=1e-3, end=0.0, warm_up=1, decay=0.02, average=0.9)


def config(height: int = 64, width: int = 32) -> SagaConfig:
    return dataclasses.replace(MODELS["saga-s"], height=height, width=width)


def start() -> Learned:
    torch.manual_seed(0)
    return Learned(Saga(config()).state_dict(), {})


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teacher]:
    with closing(Teacher(colour_network(tmp_path_factory.mktemp("teacher") / "colours.onnx"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def strangers() -> Pool:
    pictures, _ = drawn_people(6)
    return Pool(pictures, np.full(6, 1 / 6), np.full(6, -1, np.int64))


@pytest.fixture(scope="module")
def known() -> Pool:
    pictures, labels = drawn_people(3, 4, first=50)
    return Pool(pictures, np.full(12, 1 / 12), labels)


Phase = Callable[..., Distillation]


@pytest.fixture
def phase(teacher: Teacher, strangers: Pool, known: Pool) -> Phase:
    """Gives a phase that is ready for its first step."""

    def prepared(
        learned: Learned, mix: Mix = MIX, schedule: Schedule = SHORT, *, size: tuple[int, int] = (64, 32)
    ) -> Distillation:
        def batches() -> Batches:
            return Batches(strangers, known if mix.persons else None, mix, seed=1, size=size, stride=STRIDE)

        stage = Distillation("phase", config(*size), batches=batches, teach=teacher, learned=learned, schedule=schedule)
        stage.prepare()
        return stage

    return prepared


def all_steps(stage: Distillation) -> list[dict[str, float]]:
    return [stage.step(index) for index in range(stage.steps)]


# --- the teacher


def test_the_teacher_gives_unit_vectors_for_batches_of_any_size(teacher: Teacher, strangers: Pool) -> None:
    pictures = np.concatenate([strangers.pictures] * 4)
    found = teacher(pictures)
    assert found.shape == (24, teacher.dim)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(teacher(pictures[:5]), found[:5], atol=1e-3)
    for number in range(4):
        np.testing.assert_allclose(found[6 * number : 6 * number + 6], found[:6], atol=1e-3)


# --- the schedule


def test_the_rate_climbs_and_follows_a_cosine_down() -> None:
    schedule = Schedule(steps=14, rate=0.4, end=0.5, warm_up=4, decay=0.0, average=0.0)
    assert [schedule.rate_at(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert schedule.rate_at(9) == pytest.approx(0.4 * 0.75)
    assert schedule.rate_at(13) == pytest.approx(0.4 * (0.5 + 0.25 * (1 + math.cos(0.9 * math.pi))))


def test_a_rate_without_warm_up_starts_at_its_height() -> None:
    assert Schedule(steps=3, rate=0.4, end=0.0, warm_up=0, decay=0.0, average=0.0).rate_at(0) == 0.4


# --- learning


def normalised(pictures: Image) -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (config().mean, config().std))
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - mean) / std


def settled(batches: Batches) -> Learned:
    """A start whose batch statistics are those of pictures, as after ImageNet."""
    learned = start()
    model = model_of(config(), learned.model).train()
    with torch.no_grad():
        for number in range(8):
            model.backbone(normalised(batches[number].seen))
    return Learned(model.state_dict(), {})


def nearness(model: Saga, batch: Batch, teacher: Teacher) -> tuple[float, float]:
    """Mean cosine of what the student makes of what it sees with its own person's target, and with other people's."""
    targets = torch.from_numpy(teacher(batch.whole))
    with torch.inference_mode():
        found = F.normalize(model.eval()(normalised(batch.seen)).aggregated.refined, dim=1) @ targets.T
    others = targets @ targets.T < 0.9
    return float(found.diagonal().mean()), float(found[others].mean())


def test_hidden_people_come_near_to_what_the_teacher_says_of_them_whole(
    phase: Phase, strangers: Pool, teacher: Teacher
) -> None:
    mix = dataclasses.replace(STRANGERS_ALONE, pictures=24, hidden=1.0)
    unseen = Batches(strangers, None, mix, seed=9, size=(64, 32), stride=STRIDE)
    learned = settled(unseen)
    before, _ = nearness(model_of(config(), learned.model), unseen[8], teacher)
    schedule = Schedule(steps=100, rate=2e-3, end=0.0, warm_up=5, decay=0.02, average=0.95)
    figures = all_steps(phase(learned, STRANGERS_ALONE, schedule))
    own, of_others = nearness(model_of(config(), learned.model), unseen[8], teacher)
    assert own > before + 0.4
    assert own > of_others + 0.2
    for name in ("loss", "refined", "cls"):
        values = [row[name] for row in figures]
        assert np.mean(values[-10:]) < 0.75 * np.mean(values[:5])


def test_the_loss_is_the_weighted_sum_of_its_parts(phase: Phase) -> None:
    for mix, parts in (
        (MIX, {"refined", "cls", "likeness", "covered", "anchors", "identity"}),
        (STRANGERS_ALONE, {"refined", "cls", "likeness", "covered", "anchors"}),
    ):
        figures = phase(start(), mix).step(0)
        assert figures.keys() == parts | {"loss"}
        weighted = sum(getattr(WEIGHTS, name) * figures[name] for name in parts)
        assert figures["loss"] == pytest.approx(weighted, rel=1e-5)


# --- what stays and what goes on


def test_first_layers_stay_and_the_rest_moves(phase: Phase) -> None:
    learned = start()
    before = learned.model
    all_steps(phase(learned))
    kept = tuple(f"backbone.features.{layer}." for layer in range(FROZEN))
    moved = {name for name, value in learned.model.items() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith(kept) for name in moved)
    assert {"backbone.positions", "anchors.vectors", "backbone.to_cls.weight"} <= moved
    assert "backbone.features.10.conv.1.1.running_mean" in moved


def test_a_phase_hands_over_averaged_weights_to_one_of_larger_pictures(phase: Phase) -> None:
    learned = start()
    first = phase(learned)
    all_steps(first)
    averaged = first.state()["average"]
    assert all(torch.equal(learned.model[name], value) for name, value in averaged.items())
    assert any(not torch.equal(first.state()["model"][name], value) for name, value in averaged.items())
    second = phase(learned, size=(128, 64)).state()
    differing = {name for name, value in second["model"].items() if not torch.equal(value, averaged[name])}
    assert differing == {"backbone.positions"}
    heads = first.state()["heads"]
    assert heads.keys() == second["heads"].keys()
    assert all(torch.equal(second["heads"][name], value) for name, value in heads.items())


def test_heads_wait_for_known_people_and_outlast_a_phase_without(phase: Phase) -> None:
    learned = start()
    all_steps(phase(learned, STRANGERS_ALONE))
    assert learned.heads == {}
    all_steps(phase(learned, MIX))
    heads = dict(learned.heads)
    assert heads["classifier.weight"].shape == (3, 256)
    all_steps(phase(learned, STRANGERS_ALONE))
    assert all(torch.equal(learned.heads[name], value) for name, value in heads.items())


def test_a_state_brings_another_phase_to_the_same_point(phase: Phase) -> None:
    straight, learned = start(), start()
    all_steps(phase(straight))
    halted = phase(start())
    halted.step(0)
    again = phase(learned)
    again.load(halted.state())
    again.step(1)
    again.step(2)
    assert all(torch.equal(learned.model[name], value) for name, value in straight.model.items())
    assert all(torch.equal(learned.heads[name], value) for name, value in straight.heads.items())


def test_heads_are_a_norm_without_bias_and_a_classifier() -> None:
    heads = Heads(8, 3)
    features = torch.randn(16, 8) * 5 + 2
    normalised = (features - features.mean(dim=0)) / (features.var(dim=0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(heads(features), normalised @ heads.classifier.weight.T)
    assert {name for name, value in heads.named_parameters() if value.requires_grad} == {
        "neck.weight",
        "classifier.weight",
    }
