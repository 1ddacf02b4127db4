"""The language side: word vectors into an LSTM (Hu et al. 2016, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deixis.text import MAX_TOKENS


class WordEmbedding(nn.Module):
    """Words as vectors: fixed ones come from outside as they are, learned ones are looked up by their row.

    Args:
        rows: of the learned table, of which row 0 is the padding; 0 for fixed vectors.
        dim: length of a vector.
        learn_padding: whether the padding's row is learned too, or stays zero.
    """

    def __init__(self, rows: int, dim: int, learn_padding: bool = False) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, dim, padding_idx=None if learn_padding else 0) if rows else None

    def forward(self, words: Tensor) -> Tensor:
        """(..., T, D) vectors as they are, or (..., T, 1) row numbers to (..., T, D) vectors."""
        if self.table is None:
            return words
        vectors: Tensor = self.table(words[..., 0].to(torch.int64))
        return vectors


class TextEncoder(nn.Module):
    """LSTM over the directions of word vectors.

    Args:
        word_dim: length of a word vector.
        width: LSTM units.
        dropout: on the words' vectors while training.
    """

    def __init__(self, word_dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.word_dim = word_dim
        self.project = nn.Linear(word_dim, width)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self._waiting: tuple[Tensor, Tensor] | None = None
        set_forget_bias(self.lstm)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Encode phrases (N, T, word_dim), padded with zeros on the left.

        A phrase is what it is with ``MAX_TOKENS`` steps, however few of the empty ones are given.

        Returns:
            The last output (N, width) and the outputs at all words (N, T, width).
        """
        # Rare words have short vectors; direction carries the meaning, so length is taken out.
        words = unit_length(vectors) * self.word_dim**0.5
        present = is_word(vectors)[..., None].to(vectors.dtype)
        states, _ = self.lstm(self.dropout(self.project(words)) * present, self._start(vectors))
        return states[:, -1], states

    def _start(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """State after the empty steps that are not given: two tensors (1, N, width)."""
        missing = MAX_TOKENS - vectors.shape[1]
        if self._waiting is not None:
            hidden, cell = (states[missing] for states in self._waiting)
        else:
            hidden, cell = self._after_nothing(missing)
        count = vectors.shape[0]
        return hidden.expand(1, count, -1).contiguous(), cell.expand(1, count, -1).contiguous()

    def _after_nothing(self, steps: int) -> tuple[Tensor, Tensor]:
        empty = self.project.weight.new_zeros(1, steps, self.lstm.hidden_size)
        if not steps:
            return empty.sum(dim=1), empty.sum(dim=1)
        _, (hidden, cell) = self.lstm(empty)
        return hidden[0], cell[0]

    @torch.no_grad()
    def remember_waiting(self) -> None:
        """Keep the states after 0 to ``MAX_TOKENS`` empty steps: a finished network need not wait for a phrase."""
        hidden, cell = zip(*(self._after_nothing(steps) for steps in range(MAX_TOKENS + 1)), strict=True)
        self._waiting = (torch.stack(hidden), torch.stack(cell))


def unit_length(x: Tensor) -> Tensor:
    """Vectors (..., D) at length 1; those near zero shorter. In a graph less than PyTorch's own function."""
    unit: Tensor = x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-6)
    return unit


def is_word(vectors: Tensor) -> Tensor:
    """(..., T, D) word vectors -> (..., T) bool, False where a phrase is padded with zeros."""
    return vectors.abs().amax(dim=-1) > 0


def without_padding(vectors: Tensor) -> Tensor:
    """(B, P, T, D) word vectors without the leading steps in which no phrase has a word."""
    used = vectors.abs().amax(dim=(0, 1, 3)) > 0
    return vectors[:, :, used.to(torch.int32).argmax(dim=0) :]  # ONNX Runtime 1.18 has no argmax of 64-bit integers


def merge_phrases(x: Tensor) -> Tensor:
    """(B, P, ...) -> (B * P, ...). Of one picture, as graphs are exported, nothing is computed or copied."""
    return x.squeeze(0) if int(x.shape[0]) == 1 else x.flatten(0, 1)


def split_phrases(x: Tensor, batch: int) -> Tensor:
    """(B * P, ...) -> (B, P, ...) again."""
    return x[None] if batch == 1 else x.reshape(batch, -1, *x.shape[1:])


def set_forget_bias(lstm: nn.LSTM) -> None:
    """Forget bias 1, other biases 0, as in the 2016 baseline."""
    biases = [value for name, value in lstm.named_parameters() if name.startswith("bias")]
    for bias in biases:
        nn.init.zeros_(bias)
    nn.init.ones_(biases[0].data[lstm.hidden_size : 2 * lstm.hidden_size])
