// Files that are dropped on the page or pasted into it.

const filesOf = (transfer) => [...(transfer?.files ?? [])];
const hasFiles = (event) => event.dataTransfer.types.includes("Files");

/** Call open(file, name) for them; `veil` is shown while a file is dragged over the page. */
export function listenToDropping(veil, open) {
  let depth = 0; // elements that the pointer is in: entering a child comes before leaving its parent
  const move = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && move(1));
  addEventListener("dragleave", (event) => hasFiles(event) && move(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    move(-depth);
    const [file] = filesOf(event.dataTransfer);
    if (file) open(file, file.name);
  });
  addEventListener("paste", (event) => {
    const file = filesOf(event.clipboardData).find((item) => item.type.startsWith("image/"));
    if (file) open(file, file.name || "pasted.png");
  });
}
