from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from reid_tools.train.saga.recipe import SagaRecipe
from reid_tools.train.saga.texts import PersonPrompts
from reid_tools.train.saga.work import Work


@pytest.fixture
def prompts(recipe: SagaRecipe, begin: Callable[[SagaRecipe], Work]) -> PersonPrompts:
    return begin(recipe).prompts


def test_a_sentence_is_start_learned_words_zeros_person_and_end(prompts: PersonPrompts) -> None:
    tower = prompts.tower
    assert prompts.words.shape == (24, 8, 32)
    assert prompts.end == 1 + 16 + 2
    assert len(prompts.before) + 8 + len(prompts.after) == 77
    assert not prompts.after[:8].any()
    assert torch.equal(prompts.after[8:10], tower.words("person."))
    sentence = torch.cat([prompts.before, prompts.words[5], prompts.after])
    torch.testing.assert_close(prompts(torch.tensor([5]))[0], tower(sentence[None], prompts.end)[0])


def test_only_the_words_of_those_asked_for_have_gradients(prompts: PersonPrompts) -> None:
    prompts(torch.tensor([3, 3, 7])).square().sum().backward()
    trained = {name for name, parameter in prompts.named_parameters() if parameter.grad is not None}
    assert trained == {"words"}
    assert prompts.words.grad is not None
    assert prompts.words.grad.abs().sum(dim=(1, 2)).nonzero().flatten().tolist() == [3, 7]


def test_all_texts_are_those_of_each_person(prompts: PersonPrompts) -> None:
    texts = prompts.all_texts()
    assert not texts.requires_grad
    torch.testing.assert_close(texts, prompts(torch.arange(24)))
