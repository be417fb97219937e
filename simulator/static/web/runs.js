/* Lists of runs and consultations: filters work on change, keys walk the rows, a run under way refreshes softly. */
(() => {
"use strict";

const rows = () => [...document.querySelectorAll("a[data-row]")];
const search = () => document.querySelector('input[name="q"]');
const typing = (element) => element.matches("input, select, textarea");

function step(by) {
  const all = rows();
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  if (all[next]) all[next].focus();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  n: () => document.querySelector('a[rel="next"]')?.click(),
  p: () => document.querySelector('a[rel="prev"]')?.click(),
  "/": () => search()?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(document.activeElement)) document.activeElement.blur();
  if (typing(document.activeElement) || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

const form = document.querySelector("form.filters");
if (form) {
  /* Empty filters stay out of the address. */
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });
}

/* Replaces what changed and leaves the rest: focus, folded parts and the place on the page stay. */
function renew(fresh) {
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const now = fresh.getElementById(old.id);
    if (!now || now.innerHTML === old.dataset.was) continue;
    const was = now.innerHTML;
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const focused = document.activeElement?.closest("[data-fresh]") === old ? document.activeElement.getAttribute("href") : null;
    now.querySelectorAll("details").forEach((one, place) => { if (place in open) one.open = open[place]; });
    const made = document.importNode(now, true);
    made.dataset.was = was;
    old.replaceWith(made);
    if (focused) [...made.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }
}

async function refresh(every) {
  let wait = every;
  try {
    if (!document.hidden) {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        renew(fresh);
        if (!fresh.querySelector("main[data-refresh]")) return;
        wait = every;
      }
    }
  } catch {
    wait = 4 * every;
  }
  setTimeout(refresh, wait * 1000, every);
}

const every = Number(document.querySelector("main[data-refresh]")?.dataset.refresh);
if (every > 0) setTimeout(refresh, every * 1000, every);
})();
