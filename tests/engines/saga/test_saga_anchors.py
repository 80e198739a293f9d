from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from reid_engines.errors import FetchError, ModelFileError
from reid_engines.saga.anchors import AnchorTable, TextAnchors, freeze_anchors, frozen_words, spread
from reid_engines.saga.checkpoints import start_from_clip
from reid_engines.saga.clip import TextTower, load_clip
from reid_engines.saga.config import SagaConfig
from reid_engines.saga.model import Saga
from reid_engines.saga.phrases import PHRASES


@pytest.fixture
def anchors(clip: Any) -> TextAnchors:
    return TextAnchors(TextTower(clip), PHRASES, 48)


def test_the_text_tower_is_that_of_clip(clip: Any) -> None:
    tower = TextTower(clip)
    tokens = open_clip.get_tokenizer("ViT-B-16")(["a person in a red coat"])
    texts, end = tower.token_embedding(tokens), int(tokens.argmax())
    torch.testing.assert_close(tower(texts, end), clip.encode_text(tokens))


def test_anchors_are_texts_of_77_words(anchors: TextAnchors) -> None:
    assert anchors().shape == (24, 48)
    assert anchors.learned.shape == (24, 4, 32)
    assert anchors.frozen.shape == (24, 12, 32)
    assert anchors.prefix.shape == (1, 32)
    assert anchors.suffix.shape == (60, 32)
    assert anchors.end == 1 + 16 + 2  # start mark, slots, "person" and "."
    assert anchors.projection.weight.shape == (48, 32)
    assert anchors.projection.bias is None


def test_only_learned_words_and_the_projection_have_gradients(anchors: TextAnchors) -> None:
    anchors().square().sum().backward()
    trained = {name for name, parameter in anchors.named_parameters() if parameter.grad is not None}
    assert trained == {"learned", "projection.weight"}
    assert not anchors.frozen.requires_grad
    assert anchors.learned.grad is not None
    assert (anchors.learned.grad.abs().sum(dim=(1, 2)) > 0).all()


def test_learned_words_start_near_words_of_their_phrase(anchors: TextAnchors) -> None:
    for phrase, learned in zip(PHRASES, anchors.learned, strict=True):
        words = anchors.tower.words(phrase)
        near = words[spread(len(words), 4)]
        assert (learned - near).std() < 0.03


def test_short_phrases_are_filled_with_their_mean_and_long_ones_thinned_out() -> None:
    words = torch.arange(20.0).view(20, 1).expand(20, 3)
    short = frozen_words(words[:4])
    assert short[:, 0].tolist() == [0, 1, 2, 3] + [1.5] * 8
    long = frozen_words(words)
    assert long[:, 0].tolist() == [0, 2, 3, 5, 7, 9, 10, 12, 14, 16, 17, 19]
    assert torch.equal(frozen_words(words[:12]), words[:12])


def test_a_phrase_without_words_is_refused(clip: Any) -> None:
    with pytest.raises(ValueError, match="one of 2 has no words"):
        TextAnchors(TextTower(clip), ["a hat", " "], 48)


def test_cached_anchors_give_identical_features(config: SagaConfig, clip: Any) -> None:
    model = Saga(config).eval()
    start_from_clip(model, clip)
    assert isinstance(model.anchors, TextAnchors)
    pictures = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        before = model(pictures).aggregated
        freeze_anchors(model)
        after = model(pictures).aggregated
    assert isinstance(model.anchors, AnchorTable)
    assert torch.equal(before.refined, after.refined)
    assert torch.equal(before.attention, after.attention)
    assert not any(parameter.requires_grad for parameter in model.anchors.parameters())


def test_free_anchors_are_left_free(config: SagaConfig) -> None:
    model = Saga(config)
    table = model.anchors
    freeze_anchors(model)
    assert model.anchors is table
    assert table is not None
    assert all(parameter.requires_grad for parameter in table.parameters())


@pytest.fixture
def architecture(tmp_path: Path) -> str:
    """The name under which `open_clip` knows the small CLIP."""
    sizes = {
        "embed_dim": 32,
        "quick_gelu": True,
        "vision_cfg": {"layers": 4, "width": 48, "head_width": 12, "patch_size": 8, "image_size": 56},
        "text_cfg": {"width": 32, "heads": 2, "layers": 2},
    }
    path = tmp_path / "tiny-clip.json"
    path.write_text(json.dumps(sizes))
    open_clip.add_model_config(path)
    return path.stem


@pytest.mark.parametrize("name", ["clip.pt", "clip.safetensors"])
def test_clip_is_read_from_a_local_file(clip: Any, architecture: str, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (torch.save if path.suffix == ".pt" else save_file)(clip.state_dict(), path)
    loaded = load_clip(str(path), architecture=architecture)
    assert torch.equal(loaded.text_projection, clip.text_projection)
    assert torch.equal(loaded.visual.proj, clip.visual.proj)


def test_the_weights_of_another_clip_are_refused(architecture: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.pt"
    torch.save({"visual.proj": torch.zeros(3, 3)}, path)
    with pytest.raises(ModelFileError, match=r"clip.pt: does not fit the model: .* missing: .*visual.proj is \(3, 3\)"):
        load_clip(str(path), architecture=architecture)


def test_a_clip_with_plain_gelu_is_refused(clip: Any, architecture: str, tmp_path: Path) -> None:
    sizes = open_clip.get_model_config(architecture)
    (tmp_path / "plain-clip.json").write_text(json.dumps({**sizes, "quick_gelu": False}))
    open_clip.add_model_config(tmp_path / "plain-clip.json")
    torch.save(clip.state_dict(), tmp_path / "clip.pt")
    with pytest.raises(ModelFileError, match="expected a tower with QuickGELU, such as ViT-B-16-quickgelu"):
        load_clip(str(tmp_path / "clip.pt"), architecture="plain-clip")


def test_clip_weights_that_are_not_there_are_one_line() -> None:
    with pytest.raises(FetchError, match=r"'nowhere.pt': neither a file nor one of openai, "):
        load_clip("nowhere.pt")


def test_clip_weights_out_of_reach_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FetchError, match=r"'openai': cannot be fetched: .*give the path of a local file$") as caught:
        load_clip("openai")
    assert "\n" not in str(caught.value)
