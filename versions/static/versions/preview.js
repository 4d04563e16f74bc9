// Shows what clients would be told of the release as it stands in the form, a moment after somebody has typed.
"use strict";

const PAUSE_MS = 600;
const section = document.querySelector(".release-preview[data-address]");
const form = section && section.closest("form");
let waiting = 0;
let asking = null;

async function show() {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") {
      body.append(name, value);
    }
  }
  const status = section.querySelector(".release-preview-status");
  try {
    const response = await fetch(section.dataset.address, { method: "POST", body, signal: asking.signal });
    if (!response.ok) {
      throw new Error(response.status);
    }
    const opened = [...section.querySelectorAll("details[open] summary code")].map((code) => code.textContent);
    section.querySelector(".release-preview-parts").innerHTML = await response.text(); // Our own template, escaped there.
    for (const details of section.querySelectorAll("details")) {
      details.open = details.open || opened.includes(details.querySelector("summary code").textContent);
    }
    status.textContent = "";
  } catch (error) {
    if (error.name !== "AbortError") {
      status.textContent = section.dataset.failed;
    }
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(show, PAUSE_MS);
}

if (form) {
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  document.addEventListener("formset:added", soon);
  document.addEventListener("formset:removed", soon);
}
