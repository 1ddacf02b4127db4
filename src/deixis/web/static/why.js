// The "Why?" panel: the terms of the answer, the words, the classes, the time.

import { drawTerm } from "./stage.js";

const NAMES = {
  p1: ["Looks", "like the words, pixel by pixel"],
  p2: ["Kind", "of thing that the words name"],
  p3: ["Which", "of the objects the words choose"],
};

const percent = (value) => `${Math.round(100 * value)}\u00a0%`;
const clamp = (value) => Math.min(1, Math.max(0, value));

/**
 * Weights of the terms. The answer is beta p3 + (1 - beta) (alpha p1 + (1 - alpha) p2); alpha is the model's, beta
 * depends on the phrase and is what explains the answer best.
 */
export function weightsOf({ logits, terms, explanation }) {
  const alpha = explanation.alpha;
  if (alpha === undefined || alpha === null) return null;
  if (!terms.p3) return { p1: alpha, p2: 1 - alpha };
  let [above, below] = [0, 0];
  for (let k = 0; k < logits.length; k++) {
    const rest = alpha * terms.p1[k] + (1 - alpha) * terms.p2[k];
    const by = terms.p3[k] - rest;
    above += (1 / (1 + Math.exp(-logits[k])) - rest) * by;
    below += by * by;
  }
  const beta = below > 0 ? clamp(above / below) : 0;
  return { p1: (1 - beta) * alpha, p2: (1 - beta) * (1 - alpha), p3: beta };
}

export function showWhy(find, answer, picture) {
  const weights = weightsOf(answer);
  const names = Object.keys(answer.terms).sort();
  find("why-mix").textContent = weights
    ? `Mixed from ${names.map((name) => `${NAMES[name][0].toLowerCase()} ${percent(weights[name])}`).join(", ")}.`
    : "";
  find("why-terms").replaceChildren(...names.map((name) => term(name, weights?.[name], answer, picture)));
  const { words, categories } = answer.explanation;
  find("why-words").replaceChildren(...words.map(word));
  find("why-categories").replaceChildren(...categories.map(bar));
  const { image, phrases } = answer.milliseconds;
  find("why-time").textContent = `Photo ${Math.round(image)} ms, once. This phrase ${Math.round(phrases)} ms.`;
}

function term(name, weight, answer, picture) {
  const [title, meaning] = NAMES[name];
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const strong = Object.assign(document.createElement("strong"), { textContent: title });
  const share = weight === undefined ? name : `${name}, weight ${percent(weight)}`;
  caption.append(strong, ` ${meaning} `, Object.assign(document.createElement("small"), { textContent: share }));
  figure.append(drawTerm(answer.terms[name], answer.shape, answer.side, picture, `Map of ${name}: ${meaning}`), caption);
  return figure;
}

function word({ token, understood }) {
  const item = document.createElement("li");
  item.dataset.understood = understood;
  const shown = document.createElement(understood === "ignored" ? "s" : "span");
  shown.textContent = token;
  item.append(shown, Object.assign(document.createElement("small"), { textContent: understood }));
  return item;
}

function bar({ name, probability }) {
  const item = document.createElement("li");
  const meter = Object.assign(document.createElement("meter"), { min: 0, max: 1, value: probability });
  meter.setAttribute("aria-hidden", "true");
  const label = Object.assign(document.createElement("span"), { textContent: name === "none" ? "none of them" : name });
  item.append(label, meter, Object.assign(document.createElement("small"), { textContent: percent(probability) }));
  return item;
}
