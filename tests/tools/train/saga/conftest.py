"""A small CLIP, and a small data set of drawn people in the layout of Market-1501."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray

from reid_engines.protocol import Image
from reid_engines.saga.config import AggregationConfig, Fusion, VitConfig
from reid_engines.saga.embedder import Embedder
from reid_engines.saga.model import Saga
from reid_pipeline.runtime.report import Quiet
from reid_tools.train.pictures import training_pictures
from reid_tools.train.saga.recipe import Backbone, Batch, Changes, Clip, Data, Model, Prompts, SagaRecipe, Visual
from reid_tools.train.saga.work import Work, start
from reid_tools.train.schedule import Schedule
from reid_tools.train.world import World

ARCHITECTURE = "ViT-tiny-for-tests"
HEIGHT, WIDTH = 64, 32
PEOPLE, UNSEEN, TIMES = 24, 12, 6

TOWER = VitConfig(width=48, layers=4, heads=4, patch=8, stride=8, projection=32, token_layer=3)

Rank1 = Callable[[Saga, str], float]


def drawn_person(person: int, time: int) -> Image:
    """Coat, trousers and bag follow from the person; place, light and background from the time as well."""
    looks = np.random.default_rng([7, person])
    coat, trousers, bag = looks.integers(30, 226, (3, 3))
    rng = np.random.default_rng([person, time])
    picture = rng.integers(60, 200) + rng.normal(0, 40, (HEIGHT, WIDTH, 3))
    left, top = rng.integers(5, 11), rng.integers(4, 10)
    picture[top : top + 24, left : left + 14] = coat
    picture[top + 24 : top + 50, left + 2 : left + 12] = trousers
    picture[top + 8 : top + 18, left : left + 5] = bag
    lit: Image = np.clip(picture * rng.uniform(0.5, 1.5), 0, 255).astype(np.uint8)
    return lit


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Market-1501 in small: other people to test than to train with, two cameras."""
    root = tmp_path_factory.mktemp("people")
    for part in ("bounding_box_train", "bounding_box_test", "query"):
        (root / part).mkdir()
    for person in range(1, PEOPLE + UNSEEN + 1):
        for time in range(TIMES):
            test = "query" if time == 0 else "bounding_box_test"
            part = "bounding_box_train" if person <= PEOPLE else test
            name = f"{person:04d}_c{1 + (time > 0)}s1_{time:06d}_00.png"
            cv2.imwrite(str(root / part / name), drawn_person(person, time)[:, :, ::-1])
    return root


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a small CLIP that `open_clip` knows while the tests run."""
    folder = tmp_path_factory.mktemp("clip")
    shape = {
        "embed_dim": TOWER.projection,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": 56,
            "layers": TOWER.layers,
            "width": TOWER.width,
            "head_width": TOWER.width // TOWER.heads,
            "patch_size": TOWER.patch,
        },
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    (folder / f"{ARCHITECTURE}.json").write_text(json.dumps(shape))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    path = folder / "clip.pt"
    torch.save(open_clip.CLIP(**shape).state_dict(), path)
    return path


@pytest.fixture
def recipe(people: Path, clip_file: Path) -> SagaRecipe:
    """All three stages in seconds; rates are those of a model that starts from nothing."""
    return SagaRecipe(
        method="saga",
        clip=Clip(weights=clip_file, architecture=ARCHITECTURE),
        model=Model(height=HEIGHT, width=WIDTH, backbone=TOWER, aggregation=AggregationConfig(heads=4)),
        data=Data(root=people, layout="market1501", strict=False),
        batch=Batch(persons=6, pictures=4),
        augmentation=Changes(shift_px=2),
        prompts=Prompts(batch=24, schedule=Schedule(epochs=15, learning_rate=0.1, cosine_to=1e-3)),
        backbone=Backbone(schedule=Schedule(epochs=20, learning_rate=2e-3, warmup_steps=20, cosine_to=1e-5)),
        visual=Visual(
            classifiers=2,
            first=Schedule(epochs=6, learning_rate=2e-3, warmup_epochs=2, warmup_from=1e-4),
            second=Schedule(epochs=10, learning_rate=1e-3, cosine_to=1e-4),
        ),
    )


@pytest.fixture
def begin(tmp_path: Path) -> Callable[[SagaRecipe], Work]:
    """Gives a training in its first state, alone and on the CPU."""

    def begun(recipe: SagaRecipe) -> Work:
        assert recipe.data.root is not None
        pictures = training_pictures(recipe.data.root, recipe.data.layout, strict=False, note=lambda line: None)
        world = World(0, 1, torch.device("cpu"))
        return start(recipe, pictures, world, folder=tmp_path, progress=Quiet())

    return begun


@pytest.fixture
def rank1() -> Rank1:
    """The share of unseen people whose nearest other picture, by a part of the vector, shows them."""

    def measured(model: Saga, part: str) -> float:
        pairs = [(person, time) for person in range(PEOPLE + 1, PEOPLE + UNSEEN + 1) for time in range(TIMES)]
        pictures = np.stack([drawn_person(*pair) for pair in pairs])
        return nearest_is_same(vectors(model, pictures, part), np.array([person for person, _ in pairs]))

    return measured


def vectors(model: Saga, pictures: NDArray[np.uint8], part: str) -> NDArray[np.float32]:
    """Unit vectors of a single part: refined, cls or projection."""
    fusion = Fusion(refined=float(part == "refined"), cls=float(part == "cls"), projection=float(part == "projection"))
    with torch.inference_mode():
        found: NDArray[np.float32] = Embedder(model, fusion)(torch.from_numpy(pictures)).numpy()
    return found


def nearest_is_same(found: NDArray[np.float32], persons: NDArray[np.int64]) -> float:
    """How often the nearest other vector is of the same person."""
    likeness = found @ found.T
    np.fill_diagonal(likeness, -2)
    return float((persons[likeness.argmax(axis=1)] == persons).mean())
