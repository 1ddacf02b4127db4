// The network in this browser: ONNX Runtime compiled to WebAssembly, and the files that `deixis web-export` wrote.

import { fromHalf } from "./numbers.js";
import { networkInput, pixelsOf } from "./pixels.js";
import { tokenize, WordVectors } from "./words.js";

const PRIVACY = "Your photo never leaves this browser: the network was loaded into it.";
const CATEGORIES_TOLD = 5;
const MAX_PIXELS = 50_000_000;

/** Fetch files, telling how much has come; those that are gzipped are unpacked. */
async function fetchAll(files, tell) {
  const total = Object.values(files).reduce((sum, size) => sum + size, 0);
  let done = 0;
  const fetchOne = async (name) => {
    const response = await fetch(`model/${name}`);
    if (!response.ok) throw new Error(`model/${name} cannot be loaded (${response.status}).`);
    const chunks = [];
    for (let reader = response.body.getReader(), part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      done += part.value.length;
      tell(Math.min(done, total), total);
    }
    return unpack(new Blob(chunks));
  };
  const names = Object.keys(files);
  const contents = await Promise.all(names.map(fetchOne));
  return Object.fromEntries(names.map((name, index) => [name, contents[index]]));
}

/** Some hosts send .gz files as they are, others let the browser unpack them. */
async function unpack(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const packed = first === 0x1f && second === 0x8b;
  const stream = packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Network {
  /** @param model content of model.json */
  constructor(model, ort, sessions, vectors) {
    Object.assign(this, { model, ort, ...sessions, vectors });
  }

  static async load(tell) {
    const [response, ort] = await Promise.all([fetch("model/model.json"), import("./ort/ort.wasm.bundle.min.mjs")]);
    const model = await response.json();
    const files = await fetchAll(model.files, tell);
    ort.env.wasm.numThreads = 1; // more would need headers that plain static hosts do not send
    ort.env.wasm.wasmBinary = files["ort.wasm.gz"];
    const image = await ort.InferenceSession.create(files["image.onnx.gz"]);
    const phrase = await ort.InferenceSession.create(files["phrase.onnx.gz"]);
    const codes = new Int8Array(files["vectors.i8.gz"].buffer);
    const words = new TextDecoder().decode(files["words.txt.gz"]);
    return new Network(model, ort, { image, phrase }, new WordVectors(words, codes, fromHalf(files["scales.f16.gz"])));
  }

  /** The image graph on RGB bytes: what the phrase graph needs of a picture. */
  async encode(pixels, height, width) {
    const { input, shape } = networkInput(pixels, height, width, this.model);
    return this.image.run({ images: new this.ort.Tensor("float32", input, [1, 3, ...shape]) });
  }

  /** The phrase graph on features. */
  async answer(features, phrase) {
    const tokens = tokenize(phrase);
    const { vectors, known } = this.vectors.encode(tokens, this.model.tokens);
    if (!known) throw new Error(`None of the words in “${phrase}” is known; try English words such as “left dog”.`);
    const shape = [1, 1, this.model.tokens, this.vectors.dim];
    const feeds = { ...features, vectors: new this.ort.Tensor("float32", vectors, shape) };
    const { logits, score, weights, p_text: kinds, ...maps } = await this.phrase.run(feeds);
    const terms = Object.fromEntries(this.model.terms.map((name) => [name, maps[name].data]));
    return {
      score: score.data[0],
      side: this.model.side,
      shape: logits.dims.slice(2),
      logits: logits.data,
      terms,
      explanation: {
        words: this.vectors.understand(tokens),
        categories: kinds ? this.#likeliest(kinds.data) : [],
        weights: Object.fromEntries(this.model.terms.map((name, index) => [name, weights.data[index]])),
      },
    };
  }

  #likeliest(probabilities) {
    const told = this.model.categories.map((name, index) => ({ name, probability: probabilities[index] }));
    return told.sort((a, b) => b.probability - a.probability).slice(0, CATEGORIES_TOLD);
  }
}

const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

export async function createBackend({ loading }) {
  let network = null;
  const loaded = () => {
    network ??= Network.load((done, total) => {
      const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
      loading(`Loading the network: ${megabytes(done)} of ${megabytes(total)} MB`, done, total);
    }).then((result) => {
      loading("", 0, 0);
      return result;
    }, (error) => {
      network = null; // the next photo tries again
      loading("", 0, 0);
      throw error;
    });
    return network;
  };

  loaded().catch(() => {}); // said when a photo is opened
  return {
    privacy: PRIVACY,
    limits: { bytes: Infinity, pixels: MAX_PIXELS },
    async open(photo) {
      const ready = await loaded();
      await painted(); // the page is still while the network computes
      const start = performance.now();
      const features = await ready.encode(pixelsOf(photo.bitmap), photo.height, photo.width);
      return { features, milliseconds: performance.now() - start };
    },
    async ask(picture, phrase) {
      const ready = await loaded();
      await painted();
      const start = performance.now();
      const answer = await ready.answer(picture.features, phrase);
      return { ...answer, milliseconds: { image: picture.milliseconds, phrases: performance.now() - start } };
    },
  };
}
