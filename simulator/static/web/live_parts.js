// Newer parts of a session's page in the place of older ones: by exchange in the transcript, whole parts elsewhere.
// What one has typed, unfolded and focused stays. What it puts in place was drawn by this server's own templates.
export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
export const stage = document.getElementById("stage");
export const chat = () => $(".chat", stage);
export const cells = (within) => $$(":scope > .cell", within);

const seen = new Map(); // what the server last sent of each part and cell
const keyOf = (cell) => `${cell.dataset.exchange}/${cell.dataset.column}`;

// Remember how the server drew the page.
export function note(root) {
  for (const part of $$("[data-part]", root)) seen.set(part.dataset.part, part.outerHTML);
  for (const cell of cells($(".chat", root))) seen.set(keyOf(cell), cell.outerHTML);
  $$(":scope > .head", $(".chat", root)).forEach((head, at) => seen.set(`head/${at}`, head.outerHTML));
}

const drafts = new Map(); // what was typed and not yet sent, also while its box is not on the page
const roleOf = (form) => (form && form.elements.role ? form.elements.role.value : "");
const fieldKey = (field) => `${field.form ? field.form.dataset.do : ""}/${roleOf(field.form)}/${field.name}`;
const fields = (within) => $$("textarea, select, input:not([type=hidden]):not([type=checkbox])", within);
const isTyped = (field) => (field.tagName === "SELECT"
  ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected))
  : field.value !== field.defaultValue);

// Take what was typed out of a form that is being sent; the returned function puts it back into its place.
export function takeTyped(form) {
  const typed = fields(form).filter(isTyped).map((one) => [fieldKey(one), one.value]);
  for (const [key] of typed) drafts.delete(key);
  form.reset();
  return () => {
    for (const [key, value] of typed) {
      const field = fields(stage).find((one) => fieldKey(one) === key);
      if (field) field.value = value; else drafts.set(key, value);
    }
  };
}

function replace(old, fresh) {
  for (const one of fields(old)) if (isTyped(one)) drafts.set(fieldKey(one), one.value);
  const open = $$("details[open]", old).map((one) => one.id || one.className);
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const wanted = active && { field: active.name !== undefined && active.form ? fieldKey(active) : "", do: active.form && active.form.dataset.do, start: active.selectionStart };
  old.replaceWith(fresh);
  for (const one of $$("details", fresh)) if (open.includes(one.id || one.className)) one.open = true;
  for (const one of fields(fresh)) {
    if (drafts.has(fieldKey(one))) { one.value = drafts.get(fieldKey(one)); drafts.delete(fieldKey(one)); }
  }
  if (!wanted) return;
  const again = $$("textarea, input:not([type=hidden]), select, button", fresh);
  const target = again.find((one) => wanted.field && one.name && fieldKey(one) === wanted.field)
    || again.find((one) => one.tagName === "BUTTON" && one.form && one.form.dataset.do === wanted.do) || $("button", fresh);
  if (target) {
    target.focus({ preventScroll: true });
    if (wanted.start != null && target.setSelectionRange && target.type !== "number") target.setSelectionRange(wanted.start, wanted.start);
  }
}

// Put cells of the transcript in place; `whole`: they are all there are.
export function putCells(fresh, whole) {
  const grid = chat();
  const panel = $("#at-turn");
  if (grid.contains(panel)) $(".chatbox").after(panel);
  const old = new Map(cells(grid).map((cell) => [keyOf(cell), cell]));
  for (const cell of fresh) {
    const key = keyOf(cell), there = old.get(key);
    old.delete(key);
    const html = cell.outerHTML;
    if (there && seen.get(key) === html) continue;
    seen.set(key, html);
    if (there) { there.replaceWith(cell); continue; }
    const next = cells(grid).find((one) => Number(one.dataset.exchange) > Number(cell.dataset.exchange)
      || (one.dataset.exchange === cell.dataset.exchange && Number(one.dataset.column) > Number(cell.dataset.column)));
    grid.insertBefore(cell, next || null);
  }
  const last = Math.max(0, ...fresh.map((cell) => Number(cell.dataset.exchange)));
  for (const [key, cell] of old) if (whole || Number(cell.dataset.exchange) > last) { cell.remove(); seen.delete(key); }
}

function putHeads(fresh) {
  const old = $$(":scope > .head", chat()), now = $$(":scope > .head", fresh);
  if (old.length !== now.length) { location.reload(); return; }
  now.forEach((head, at) => {
    const html = head.outerHTML, key = `head/${at}`;
    if (seen.get(key) !== html && old[at].outerHTML !== html) replace(old[at], head);
    seen.set(key, html);
  });
}

// Put everything in place that differs in `fresh`, the same page drawn later.
export function putPage(fresh) {
  for (const name of ["mark", "revision", "running", "turns"]) stage.dataset[name] = fresh.dataset[name];
  for (const part of $$("[data-part]", fresh)) {
    const name = part.dataset.part;
    if (name === "cells") continue;
    const html = part.outerHTML, old = $(`[data-part="${name}"]`, stage);
    if (seen.get(name) !== html && old) replace(old, document.importNode(part, true));
    seen.set(name, html);
  }
  const grid = $(".chat", fresh);
  chat().className = grid.className;
  putHeads(grid);
  putCells(cells(grid).map((cell) => document.importNode(cell, true)), true);
}
