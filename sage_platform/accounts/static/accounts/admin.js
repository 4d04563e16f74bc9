"use strict";

// On a phone a row of a table is a card (admin.css), and each value has the name of its column before it.
function makeCards(table) {
  const names = [...table.querySelectorAll("thead tr:last-child th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, place) => {
      if (names[place]) {
        cell.dataset.column = names[place];
      }
    });
  }
  table.classList.add("cards");
}

// Select2 replaces a select box by elements that nothing names: neither the box nor the field for searching in it.
function nameBox(select) {
  const label = document.querySelector(`label[for="${select.id}"]`);
  const box = select.nextElementSibling?.querySelector(".select2-selection");
  if (!label || !box) {
    return;
  }
  label.id ||= `${select.id}_label`;
  for (const element of [box, box.querySelector("[role=textbox]")]) {
    element?.setAttribute("aria-labelledby", [label.id, element === box ? element.firstElementChild?.id : ""].join(" ").trim());
  }
  django.jQuery(select).on("select2:open", () => {
    document.querySelector(".select2-container--open .select2-search__field")?.setAttribute("aria-labelledby", label.id);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("#result_list, #change-history table, .tabular table").forEach(makeCards);
});
// Select2 begins in a function that jQuery calls once the page is ready. The ones after it are called in their order.
window.django?.jQuery?.(() => document.querySelectorAll("select.admin-autocomplete").forEach(nameBox));
