"""The whole ``compact`` network, put together from its boxes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from deixis.config import CELL_STRIDE, ModelConfig
from deixis.model.category import CategorySegmenter, ExpressionClassifier, dot_product
from deixis.model.combine import Combine
from deixis.model.grid import cell_means
from deixis.model.image_encoder import ImageEncoder
from deixis.model.lstm_cnn import LstmCnn
from deixis.model.objects import COLOUR_FEATURES, Candidates, ObjectHead, ObjectMaps, PictureMaps
from deixis.model.outputs import Answer, EncodedImage, TrainingOutput
from deixis.model.relate import LEAST_CHOICE, ObjectFacts, Relate, contest, holds, select_masks, share_kept, with_parts
from deixis.model.text_encoder import (
    TextEncoder,
    WordEmbedding,
    is_word,
    merge_phrases,
    split_phrases,
    without_padding,
)
from deixis.model.traits import TraitMatch


class _Third(NamedTuple):
    """The third term: see ``Answer`` for choice, counted, p3 and traits, ``Combine.forward`` for surest and keep."""

    choice: Tensor
    counted: Tensor
    p3: Tensor
    surest: Tensor
    keep: Tensor | None
    traits: Tensor


class CompactNetwork(nn.Module):
    """The ``compact`` network: an image side that runs once a picture, and a phrase side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        categories, text = len(config.categories), config.text_width
        self.image_encoder = ImageEncoder(config.width, config.backbone, config.backbone_widths)
        self.embed = WordEmbedding(config.vocabulary, config.word_dim)
        self.text_encoder: TextEncoder | None = None
        self.lstm_cnn: LstmCnn | None = None
        self.category: CategorySegmenter | None = None
        self.expression_classifier: ExpressionClassifier | None = None
        if config.p1:
            self.text_encoder = TextEncoder(config.word_dim, text, config.dropout)
            self.lstm_cnn = LstmCnn(config.width, text, config.p1_width, config.p1_hidden or config.p1_width)
        if config.p2:
            coarse = self.image_encoder.backbone.channels[-1]
            self.category = CategorySegmenter(config.width, coarse, categories, config.image_dropout)
            encoder = TextEncoder(config.word_dim, text, config.dropout)
            self.expression_classifier = ExpressionClassifier(encoder, text, categories)
        self.combine = Combine(config.terms, text)
        self.objects: ObjectHead | None = None
        self.relate: Relate | None = None
        self.traits: TraitMatch | None = None
        if config.objects:
            look = config.relate_width
            self.objects = ObjectHead(
                config.width, config.appearance_width, config.embedding_dim, config.candidates, look
            )
            self.relate = Relate(look, text, look, config.relate_layers, config.dropout)
            self.traits = TraitMatch(COLOUR_FEATURES, self.image_encoder.backbone.channels[-1], text)

    def load_backbone(self, path: Path) -> None:
        """Load the backbone's ImageNet weights."""
        self.image_encoder.backbone.load_weights(path)

    def freeze(self, stride: int) -> None:
        """Fix the backbone's layers up to the map at ``stride`` (0, 4, 8, 16 or 32)."""
        self.image_encoder.backbone.freeze(stride)

    def train(self, mode: bool = True) -> CompactNetwork:
        """As in PyTorch, but the backbone's batch norms keep their ImageNet statistics: batches are small."""
        super().train(mode)
        self.image_encoder.backbone.eval()
        return self

    def encode_image(self, images: Tensor) -> EncodedImage:
        """The image graph: (B, 3, h, w) normalised images, frames in the square (``grid``) -> what phrases need."""
        encoded, _, _, _ = self._encode(images, None)
        return encoded

    def answer(self, image: EncodedImage, vectors: Tensor) -> Answer:
        """The phrase graph.

        Args:
            image: of B pictures.
            vectors: (B, P, T, D) word vectors, or (B, P, T, 1) rows of the learned ones; zeros on the left where a
                phrase is short.
        """
        batch = int(vectors.shape[0])
        vectors = without_padding(self.embed(vectors))
        flat = merge_phrases(vectors)
        text = p1_logits = class_logits = p2 = third = None
        if self.text_encoder is not None and self.lstm_cnn is not None and image.p1_part is not None:
            last, states = self.text_encoder(flat)
            text = split_phrases(last, batch)
            p1_logits = self.lstm_cnn(image.p1_part, text)
        if self.expression_classifier is not None and image.p_image is not None:
            class_logits = split_phrases(self.expression_classifier(flat), batch)
            p_text = class_logits.softmax(dim=-1)[..., :-1]
            p2 = dot_product(image.p_image, p_text)
        if self.objects is not None:
            assert text is not None
            words, present = split_phrases(states, batch), split_phrases(is_word(flat), batch)
            third = self._third_term(image, p_text, text, words, present)
        p1 = None if p1_logits is None else p1_logits.sigmoid()
        if third is None:
            logits, presence, weights = self.combine(p1, p2, None, text)
            return Answer(logits, presence, weights, p1_logits, p2, class_logits)
        logits, presence, weights = self.combine(p1, p2, third.p3, text, third.surest, third.keep)
        answer = Answer(logits, presence, weights, p1_logits, p2, class_logits)
        return answer._replace(
            choice_logits=third.choice, p3=third.p3, trait_logits=third.traits, counted=third.counted
        )

    def _third_term(self, image: EncodedImage, p_text: Tensor, text: Tensor, words: Tensor, present: Tensor) -> _Third:
        """Choose among the proposed objects: by class, traits, look and rank.

        Args:
            image: with its objects.
            p_text: (B, P, M) class probabilities of the phrases.
            text: (B, P, width) the phrases encoded.
            words: (B, P, T, width) their words encoded.
            present: (B, P, T) bool, False where a phrase is padded.
        """
        assert self.relate is not None and self.traits is not None and image.masks is not None
        assert image.classes is not None and image.traits is not None and image.objectness is not None
        assert image.look is not None and image.facts is not None and image.exceeds is not None
        assert image.held is not None
        objects = ObjectFacts(image.objectness, image.look, image.facts, image.exceeds)
        said = self.traits.said(text)
        match = p_text @ image.classes.transpose(1, 2)
        choice = self.relate(objects, match * self.traits(match, image.traits, said), text, words, present)
        chances = counted = choice.sigmoid()
        keep = None
        if not self.training:
            likely = chances / chances.amax(dim=-1, keepdim=True).clamp(min=LEAST_CHOICE)
            fit = with_parts(self.traits(likely, image.traits, said, strict=True), image.held)
            counted, kept = contest(chances, fit)
            keep = share_kept(kept, image.masks)
        surest = (chances * image.masks.amax(dim=(-2, -1))[:, None]).amax(dim=-1)
        return _Third(choice, counted, select_masks(counted, image.masks), surest, keep, said)

    def forward(self, images: Tensor, vectors: Tensor, hints: Tensor, cells: Tensor) -> TrainingOutput:
        """One training pass.

        Args:
            images: (B, 3, S, S).
            vectors: (B, P, T, D).
            hints: (B, h, w) at stride 8, added to the heat map so that true objects are among the candidates.
            cells: (B, N) flat stride-8 cells of the true objects' centres.
        """
        encoded, p_image_logits, maps, candidates = self._encode(images, hints)
        boxes = masks = traits = None
        if self.objects is not None and maps is not None:
            boxes, filters = self.objects.at_cells(maps, cells)
            masks = self.objects.masks(maps.embedding, boxes, filters)
        if self.traits is not None and candidates is not None:
            traits = self.traits.shown(candidates.colours, candidates.gist)
        return TrainingOutput(self.answer(encoded, vectors), p_image_logits, maps, candidates, traits, boxes, masks)

    def _encode(
        self, images: Tensor, hints: Tensor | None
    ) -> tuple[EncodedImage, Tensor | None, ObjectMaps | None, Candidates | None]:
        visual, fine, coarse = self.image_encoder(images)
        p1_part = None if self.lstm_cnn is None else self.lstm_cnn.image_part(visual, fine)
        p_image_logits = None if self.category is None else self.category(visual, coarse)
        p_image = None if p_image_logits is None else p_image_logits.sigmoid()
        if self.objects is None or self.relate is None or self.traits is None or p_image is None:
            return EncodedImage(p1_part, p_image), p_image_logits, None, None
        maps = self.objects(visual, fine)
        colours = cell_means(images, CELL_STRIDE)
        found = self.objects.propose(maps, PictureMaps(visual, fine, coarse, colours, p_image.detach()), hints)
        facts = self.relate.image_part(found.look, found.boxes, found.score)
        shown = self.traits.shown(found.colours, found.gist).softmax(dim=-1)
        masks = found.masks.sigmoid()
        encoded = EncodedImage(p1_part, p_image, masks, found.classes, shown, *facts, holds(masks))
        return encoded, p_image_logits, maps, found
