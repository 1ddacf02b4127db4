"""The language side: fixed word vectors into an LSTM (Hu et al. 2016, section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class TextEncoder(nn.Module):
    """LSTM over word vectors that come from outside and are never trained.

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
        biases = [value for name, value in self.lstm.named_parameters() if name.startswith("bias")]
        for bias in biases:
            nn.init.zeros_(bias)
        nn.init.ones_(biases[0].data[width : 2 * width])  # forget bias 1, as in the paper's baseline

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Encode phrases (N, T, word_dim), padded with zeros on the left.

        Returns:
            The last output (N, width) and the outputs at all words (N, T, width).
        """
        # Rare words have short vectors; direction carries the meaning, so length is taken out.
        words = F.normalize(vectors, dim=-1, eps=1e-6) * self.word_dim**0.5
        present = (vectors != 0).any(dim=-1, keepdim=True).to(vectors.dtype)
        states, _ = self.lstm(self.dropout(self.project(words)) * present)
        return states[:, -1], states
