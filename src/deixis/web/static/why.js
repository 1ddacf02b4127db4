// The "Why?" panel: the terms of the answer, the words, the classes, the time.

import { drawTerm } from "./stage.js";

const NAMES = {
  p1: ["Looks", "like the words, pixel by pixel"],
  p2: ["Kind", "of thing that the words name"],
  p3: ["Which", "of the objects the words choose"],
};

const percent = (value) => `${Math.round(100 * value)}\u00a0%`;

export function showWhy(find, answer, picture) {
  const { words, categories, weights } = answer.explanation;
  const names = Object.keys(answer.terms).sort();
  find("why-mix").textContent = names.every((name) => name in weights)
    ? `Mixed from ${names.map((name) => `${NAMES[name][0].toLowerCase()} ${percent(weights[name])}`).join(", ")}.`
    : "";
  find("why-terms").replaceChildren(...names.map((name) => term(name, weights[name], answer, picture)));
  find("why-words").replaceChildren(...words.map(word));
  find("why-categories").replaceChildren(...categories.map(bar));
  find("why-kinds").hidden = !categories.length;
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
