// Swagger UI has a dark form, which a class of the whole page turns on.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Its dialog has a button without a name, and one whose name is not what it says; the field for a body has no name either.
const call = (element, text) => element.getAttribute("aria-label") === text || element.setAttribute("aria-label", text);
new MutationObserver(() => {
  document.querySelectorAll(".close-modal").forEach((button) => call(button, "Close"));
  document.querySelectorAll(".body-param__text").forEach((field) => call(field, "Request body"));
  document.querySelectorAll(".modal-ux .btn.authorize").forEach((button) => call(button, button.textContent));
}).observe(document, { childList: true, subtree: true });
