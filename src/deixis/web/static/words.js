// Phrases to tokens and tokens to word vectors: what deixis.text and deixis.embeddings do in Python.

const SEPARATOR = /([^\p{L}\p{N}_]+)/u;
const isWord = (token) => /[\p{L}\p{N}]/u.test(token);

/** Lower case, split at what is not a word and keep it, drop blanks and a final full stop. */
export function tokenize(phrase) {
  const text = phrase.normalize("NFKC").toLowerCase().trim();
  const tokens = text.split(SEPARATOR).map((token) => token.trim()).filter(Boolean);
  if (tokens.at(-1) === ".") tokens.pop();
  return tokens;
}

export class WordVectors {
  /**
   * @param text the words, one a line
   * @param codes Int8Array, one row of `dim` a word
   * @param scales Float32Array, one a word
   */
  constructor(text, codes, scales) {
    this.text = `\n${text}\n`;
    this.codes = codes;
    this.scales = scales;
    this.dim = codes.length / scales.length;
    this.rows = new Map();
  }

  /** Where a word stands, -1 when it is not in the list. */
  row(word) {
    if (!this.rows.has(word)) this.rows.set(word, this.#search(word));
    return this.rows.get(word);
  }

  #search(word) {
    const position = this.text.indexOf(`\n${word}\n`);
    if (position < 0) return -1;
    let row = 0;
    for (let at = this.text.indexOf("\n"); at < position; at = this.text.indexOf("\n", at + 1)) row++;
    return row;
  }

  /** The first `length` known words of the tokens, zeros on the left: (length, dim) float32, and how many are known. */
  encode(tokens, length) {
    const rows = tokens.filter(isWord).map((token) => this.row(token)).filter((row) => row >= 0).slice(0, length);
    const vectors = new Float32Array(length * this.dim);
    rows.forEach((row, index) => {
      const at = (length - rows.length + index) * this.dim;
      for (let k = 0; k < this.dim; k++) vectors[at + k] = this.codes[row * this.dim + k] * this.scales[row];
    });
    return { vectors, known: rows.length };
  }

  /** How each token is understood. */
  understand(tokens) {
    return tokens.map((token) => ({ token, understood: isWord(token) && this.row(token) >= 0 ? "known" : "ignored" }));
  }
}
