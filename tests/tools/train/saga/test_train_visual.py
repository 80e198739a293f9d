"""The visual module's kept tokens, and how it crosses from the first phase to the second."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.visual import VisualModule, VisualStage
from reid_tools.train.saga.work import Work

Begin = Callable[[SagaRecipe], Work]


def with_visual(recipe: SagaRecipe, **values: object) -> SagaRecipe:
    return recipe.model_copy(update={"visual": recipe.visual.model_copy(update=values)})


def test_kept_tokens_are_those_of_the_augmented_pictures(recipe: SagaRecipe, begin: Begin) -> None:
    work = begin(with_visual(recipe, views=2))
    work.model.eval()
    module = VisualModule(work)
    pictures, views = np.array([3, 100, 3]), np.array([0, 1, 1])
    kept = module.kept.get(pictures, views)
    purposes = [("view", view, picture) for picture, view in zip(pictures.tolist(), views.tolist(), strict=True)]
    expected = module.tokens(work.augmented(pictures, purposes))
    assert kept.dtype == torch.float16
    assert kept.shape == (3, 8 * 4, 48)
    torch.testing.assert_close(kept.float(), expected, rtol=1e-3, atol=1e-3)
    assert not torch.equal(kept[0], kept[2])
    assert list(work.folder.iterdir()) == []


def test_each_access_picks_one_of_the_views(recipe: SagaRecipe, begin: Begin) -> None:
    work = begin(with_visual(recipe, views=2))
    module = VisualModule(work)
    stage = VisualStage(module, "first")
    stage.prepare()
    stage.step(0)
    batch = stage._plan.batch(1)
    each = [module.kept.get(batch, np.full(len(batch), view)) for view in range(2)]
    found = stage._tokens(1)
    from_first, from_second = ((found == view).flatten(1).all(dim=1) for view in each)
    assert (from_first | from_second).all()
    assert from_first.any()
    assert from_second.any()


@pytest.mark.parametrize("classifiers", [1, 3])
def test_only_a_single_classifier_starts_afresh(recipe: SagaRecipe, begin: Begin, classifiers: int) -> None:
    work = begin(with_visual(recipe, views=1, classifiers=classifiers))
    module = VisualModule(work)
    first, second = VisualStage(module, "first"), VisualStage(module, "second")
    first.prepare()
    first.step(0)
    before = {name: tensor.clone() for name, tensor in module.trained().items()}
    second.prepare()
    changed = {name for name, tensor in module.trained().items() if not torch.equal(tensor, before[name])}
    afresh = {"heads.norm.running_mean", "heads.norm.running_var", "heads.norm.num_batches_tracked"}
    assert changed == (afresh | {"heads.classifiers.0.weight"} if classifiers == 1 else set())


def test_towers_and_phrases_stay_as_they_are(recipe: SagaRecipe, begin: Begin) -> None:
    work = begin(with_visual(recipe, views=1))
    stage = VisualStage(VisualModule(work), "first")
    stage.prepare()
    before = {name: tensor.clone() for name, tensor in work.model.state_dict().items()}
    figures = stage.step(0)
    stage.step(1)
    changed = {name for name, tensor in work.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {"anchors.learned", "anchors.projection.weight", "aggregation.domain.mlp.0.weight"} <= changed
    assert not any(name.startswith(("backbone.", "anchors.tower.", "anchors.frozen")) for name in changed)
    assert set(figures) == {"loss", "identity", "triplet", "anchors", "classifiers"}


def test_the_parts_make_up_the_loss_as_published(recipe: SagaRecipe, begin: Begin) -> None:
    stage = VisualStage(VisualModule(begin(with_visual(recipe, views=1))), "first")
    stage.prepare()
    parts = stage.step(0)
    expected = parts["identity"] + parts["triplet"] + 0.05 * parts["anchors"] + 0.5 * parts["classifiers"]
    assert parts["loss"] == pytest.approx(expected, rel=1e-5)


def test_free_anchors_without_domain_anchors_train_too(recipe: SagaRecipe, begin: Begin) -> None:
    shape = recipe.model.aggregation
    free = type(shape)(heads=shape.heads, source="free", anchors=6, domain_anchors=0)
    model = recipe.model.model_copy(update={"aggregation": free})
    work = begin(with_visual(recipe, views=1).model_copy(update={"model": model}))
    stage = VisualStage(VisualModule(work), "first")
    stage.prepare()
    assert work.model.anchors is not None
    before = work.model.anchors().detach().clone()
    stage.step(0)
    assert not torch.equal(work.model.anchors(), before)
