"""The ``paper`` network, put together from its boxes: p1, p2, and alpha p1 + (1 - alpha) p2."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from deixis.config import ModelConfig
from deixis.model.category import ExpressionClassifier
from deixis.model.combine import Combine
from deixis.model.outputs import Answer, EncodedImage, TrainingOutput
from deixis.model.paper.fcn import Fcn
from deixis.model.paper.lstm_cnn import BaselineLstmCnn, BaselineTextEncoder
from deixis.model.text_encoder import WordEmbedding


class PaperNetwork(nn.Module):
    """Hu et al. 2016 on every pixel; the LSTM-CNN and the category segmenter have a VGG-16 each."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        text = config.text_width
        self.embed = WordEmbedding(config.vocabulary, config.word_dim, learn_padding=True)
        self.text_encoder: BaselineTextEncoder | None = None
        self.lstm_cnn: BaselineLstmCnn | None = None
        self.category: Fcn | None = None
        self.expression_classifier: ExpressionClassifier | None = None
        if config.p1:
            self.text_encoder = BaselineTextEncoder(config.word_dim, text)
            self.lstm_cnn = BaselineLstmCnn(config.width, text, config.p1_width, config.high_resolution)
        if config.p2:
            categories = len(config.categories)
            self.category = Fcn(config.width, categories, config.fcn_stride)
            encoder = BaselineTextEncoder(config.word_dim, text)
            self.expression_classifier = ExpressionClassifier(encoder, text, categories)
        self.combine = Combine(config.terms, text, learned_presence=False)

    def load_backbone(self, path: Path) -> None:
        """Load VGG-16's ImageNet weights into each of the two."""
        for part in (self.lstm_cnn, self.category):
            if part is not None:
                part.backbone.load_weights(path)

    def freeze(self, stride: int) -> None:
        """Fix conv1 to conv5 of the LSTM-CNN's VGG-16 when ``stride`` is 32; the FCN is trained as a whole."""
        if stride and self.lstm_cnn is not None:
            self.lstm_cnn.backbone.freeze()

    def encode_image(self, images: Tensor) -> EncodedImage:
        """(B, 3, S, S) normalised images -> what phrases need."""
        return self._encode(images)[0]

    def answer(self, image: EncodedImage, vectors: Tensor) -> Answer:
        """Phrases (B, P, T, D), or (B, P, T, 1) rows of the learned embedding, on B pictures."""
        batch, phrases = vectors.shape[:2]
        flat = self.embed(vectors).flatten(0, 1)
        p1 = p1_logits = p2 = class_logits = None
        if self.text_encoder is not None and self.lstm_cnn is not None and image.p1_part is not None:
            last, _ = self.text_encoder(flat)
            p1_logits = self.lstm_cnn(image.p1_part, last.reshape(batch, phrases, -1))
            p1 = p1_logits.sigmoid()
        if self.expression_classifier is not None and image.p_image is not None:
            class_logits = self.expression_classifier(flat).reshape(batch, phrases, -1)
            p_text = class_logits.softmax(dim=-1)[..., :-1]
            p2 = (p_text @ image.p_image.flatten(2)).reshape(batch, phrases, *image.p_image.shape[-2:])
        logits, presence, weights = self.combine(p1, p2, None, None)
        return Answer(logits, presence, weights, p1_logits, p2, class_logits)

    def forward(self, images: Tensor, vectors: Tensor, hints: Tensor, cells: Tensor) -> TrainingOutput:
        """One training pass; ``hints`` and ``cells`` are for networks that propose objects."""
        encoded, p_image_logits = self._encode(images)
        return TrainingOutput(self.answer(encoded, vectors), p_image_logits)

    def _encode(self, images: Tensor) -> tuple[EncodedImage, Tensor | None]:
        p1_part = None if self.lstm_cnn is None else self.lstm_cnn.image_part(images)
        logits = None if self.category is None else self.category(images)
        p_image = None if logits is None else logits.softmax(dim=1)[:, :-1]
        return EncodedImage(p1_part, p_image), logits
