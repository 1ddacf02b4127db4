// The page: a photo, phrases and what was found. What computes is behind ./backend-*.js: the server, or this browser.

import { listenToDropping } from "./drop.js";
import { coco, cutout, download, maskPicture } from "./save.js";
import { colourOf, css, inkOn, Stage } from "./stage.js";
import { describe, isDoubtful, percent, points, verdict } from "./verdict.js";
import { showWhy } from "./why.js";

const IDEAS = {
  astronaut: ["woman", "woman in orange", "hair"],
  chelsea: ["cat", "the left eye"],
  coffee: ["cup", "the cup of coffee", "table"],
};

const find = (id) => document.getElementById(id);
const stage = new Stage(find("stage"));

export let backend; // for whoever scripts the page
let picture = null; // { blob, bitmap, name, height, width, opened }
let entries = []; // { number, phrase, threshold, answer }
let current = null;
let peeked = null; // the entry whose map is shown while its chip is pointed at
let heat = false;
let nextNumber = 1;

// ---- the photo ----

async function openPhoto(blob, name, ideas = []) {
  problem("");
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    problem("This file is not a picture that your browser can open. JPEG, PNG and WebP work.");
    return;
  }
  const tooLarge = tooLargeFor(backend.limits, blob, bitmap);
  if (tooLarge) {
    problem(tooLarge);
    return;
  }
  const photo = { blob, bitmap, name, height: bitmap.height, width: bitmap.width };
  picture = photo;
  [entries, current, peeked, heat, nextNumber] = [[], null, null, false, 1];
  document.body.dataset.view = "work";
  stage.open(photo);
  showIdeas(ideas);
  render();
  find("phrase").value = "";
  find("phrase").placeholder = ideas[0] ?? "the dog on the left";
  find("phrase").focus({ preventScroll: true });
  say("The photo is open. Say what you mean.");
  opened(photo).catch((error) => photo === picture && problem(messageOf(error)));
}

function tooLargeFor({ bytes, pixels }, blob, { width, height }) {
  const millions = (count) => (count / 1e6).toFixed(1);
  const more = (what, got, most) => `This photo has ${millions(got)} ${what}; at most ${millions(most)} can be used.`;
  if (width * height > pixels) return more("megapixels", width * height, pixels);
  return blob.size > bytes ? more("megabytes", blob.size, bytes) : "";
}

/** What the backend made of a photo; when that failed, it is tried again. */
function opened(photo) {
  photo.opened ??= backend.open(photo).catch((error) => {
    photo.opened = null;
    throw error;
  });
  return photo.opened;
}

// ---- phrases ----

async function ask(phrase) {
  const known = entries.find((entry) => entry.phrase.toLowerCase() === phrase.toLowerCase());
  if (known) {
    select(known);
    return true;
  }
  const photo = picture;
  document.body.setAttribute("aria-busy", "true");
  try {
    const answer = await backend.ask(await opened(photo), phrase);
    if (picture !== photo) return true; // another one was opened meanwhile
    const entry = { number: nextNumber++, phrase, threshold: 0.5, answer };
    entries.push(entry);
    problem("");
    select(entry);
    return true;
  } catch (error) {
    if (picture === photo) problem(messageOf(error));
    return false;
  } finally {
    document.body.removeAttribute("aria-busy");
  }
}

function select(entry) {
  current = entry;
  heat = false;
  render();
  if (entry) say(verdict(entry, stage));
}

function remove(entry) {
  const index = entries.indexOf(entry);
  entries.splice(index, 1);
  peeked = null;
  select(entries[Math.min(index, entries.length - 1)] ?? null);
  say(`${entry.phrase} removed.`);
  (find("chips").children[Math.min(index, entries.length - 1)]?.firstChild ?? find("phrase")).focus();
}

// ---- drawing ----

function render() {
  renderChips();
  find("current").hidden = !current;
  if (current) renderCurrent();
  draw();
}

function renderChips() {
  const chips = find("chips");
  const focused = [...chips.children].findIndex((item) => item.contains(document.activeElement));
  chips.replaceChildren(...entries.map(chip));
  if (focused >= 0) chips.children[focused]?.firstChild.focus();
}

function chip(entry) {
  const item = document.createElement("li");
  item.className = "chip";
  item.style.setProperty("--colour", css(colourOf(entry)));
  item.style.setProperty("--ink", inkOn(colourOf(entry)));
  const main = Object.assign(document.createElement("button"), { type: "button", className: "chip-main" });
  main.setAttribute("aria-pressed", String(entry === current));
  const doubt = isDoubtful(entry, stage);
  const number = Object.assign(document.createElement("b"), { textContent: entry.number });
  const label = Object.assign(document.createElement("span"), { textContent: entry.phrase });
  const note = Object.assign(document.createElement("small"), {
    textContent: doubt ? "not found?" : `score ${points(entry.answer.score)}`,
  });
  main.append(number, label, note);
  main.title = "Point at it to see its probability map";
  main.addEventListener("click", () => select(entry));
  main.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") remove(entry);
  });
  const peek = (shown) => () => {
    peeked = shown ? entry : null;
    draw();
  };
  main.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && peek(true)());
  main.addEventListener("pointerleave", peek(false));
  main.addEventListener("focus", () => main.matches(":focus-visible") && peek(true)());
  main.addEventListener("blur", peek(false));
  const close = Object.assign(document.createElement("button"), { type: "button", className: "chip-close" });
  close.textContent = "×";
  close.setAttribute("aria-label", `Remove ${entry.phrase}`);
  close.addEventListener("click", () => remove(entry));
  item.append(main, close);
  return item;
}

function renderCurrent() {
  find("current-title").textContent = current.phrase;
  find("threshold").value = Math.round(100 * current.threshold);
  renderThreshold();
  find("heat").setAttribute("aria-pressed", String(heat));
  if (find("why").open) showWhy(find, current.answer, picture);
}

function renderThreshold() {
  find("threshold-value").textContent = percent(current.threshold);
  find("verdict").textContent = verdict(current, stage);
  find("verdict").classList.toggle("doubt", isDoubtful(current, stage));
  const empty = !stage.mask(current).includes(1);
  for (const id of ["save-cutout", "save-mask"]) find(id).disabled = empty;
}

function draw() {
  const mapped = peeked ?? (heat ? current : null);
  find("legend").hidden = !mapped;
  if (mapped) stage.drawHeat(mapped);
  else if (stage.base) stage.drawMasks(entries, current);
  find("stage").setAttribute(
    "aria-label",
    mapped
      ? `Probability map of ${mapped.phrase}`
      : ["The photo", ...entries.map((entry) => describe(entry, stage))].join(". "),
  );
}

function showIdeas(ideas) {
  find("ideas").replaceChildren(
    ...ideas.map((idea) => {
      const item = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: idea });
      button.addEventListener("click", () => ask(idea));
      item.append(button);
      return item;
    }),
  );
}

function problem(text) {
  find("problem").textContent = text;
  find("problem").hidden = !text;
}

const messageOf = (error) => (error instanceof TypeError ? "The server cannot be reached." : error.message);

function say(text) {
  find("status").textContent = text;
}

// ---- events ----

function listen() {
  find("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) openPhoto(file, file.name);
  });
  find("another").addEventListener("click", () => find("file").click());
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", async () => {
      const name = button.dataset.example;
      const response = await fetch(`examples/${name}.jpg`);
      openPhoto(await response.blob(), `${name}.jpg`, IDEAS[name]);
    });
  }
  find("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const phrase = find("phrase").value.trim();
    if (phrase && (await ask(phrase))) find("phrase").value = "";
  });
  find("threshold").addEventListener("input", (event) => {
    current.threshold = Number(event.target.value) / 100;
    renderThreshold();
    draw();
  });
  find("threshold").addEventListener("change", () => {
    say(verdict(current, stage));
    renderChips();
  });
  find("heat").addEventListener("click", () => {
    heat = !heat;
    find("heat").setAttribute("aria-pressed", String(heat));
    draw();
  });
  find("why").addEventListener("toggle", () => current && renderCurrent());
  listenToSaving();
  listenToDropping(find("veil"), openPhoto);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input") && document.body.dataset.view === "work") {
      event.preventDefault();
      find("phrase").focus();
    }
  });
}

function listenToSaving() {
  const stem = () => picture.name.replace(/\.[^.]*$/, "");
  const tail = () => current.phrase.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
  const save = (id, make, name) => find(id).addEventListener("click", async () => download(await make(), name()));
  save("save-cutout", () => cutout(current, picture), () => `${stem()}.${tail()}.cutout.png`);
  save("save-mask", () => maskPicture(current, picture), () => `${stem()}.${tail()}.mask.png`);
  save("save-coco", () => coco(entries, picture), () => `${stem()}.coco.json`);
}

function askToken() {
  const dialog = find("token-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    const answer = () => {
      if (dialog.returnValue === "ok") resolve(find("token").value.trim());
      else reject(new Error("This server asks for its token."));
    };
    dialog.addEventListener("close", answer, { once: true });
  });
}

/** Show how much was loaded; total 0 hides it. */
function loading(text, done, total) {
  find("loading").hidden = !total;
  find("loading-text").textContent = text;
  find("loading-bar").value = total ? done / total : 0;
}

const { createBackend } = await import(`./backend-${document.documentElement.dataset.backend}.js`);
backend = await createBackend({ askToken, loading });
find("privacy").textContent = backend.privacy;
listen();
document.body.dataset.ready = "true";
