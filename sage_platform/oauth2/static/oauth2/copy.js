// Buttons that copy a text: `data-copies` is the id of its element, `data-done` what is said when it is copied.
"use strict";

async function copy(element) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(element.textContent);
    return;
  }
  // Without TLS a browser has no clipboard for scripts, only the one of the selected text.
  getSelection().selectAllChildren(element);
  if (!document.execCommand("copy")) {
    throw new Error("The browser does not copy.");
  }
}

for (const button of document.querySelectorAll("[data-copies]")) {
  const status = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const element = document.getElementById(button.dataset.copies);
    try {
      await copy(element);
      status.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(element); // So that the keyboard can copy it.
    }
  });
}
