// What is shown lives in the address after the #, so that every view can be linked, reloaded and gone back to.
const FILTERS = ["doctor", "case", "department", "language", "stop", "failures", "q"];
const FIELDS = ["c", "view", "t", ...FILTERS];

function readState() {
  const raw = location.hash.slice(1);
  if (raw && !raw.includes("=")) return null; // a section's anchor
  const given = new URLSearchParams(raw);
  return Object.fromEntries(FIELDS.map((name) => [name, given.get(name) || ""]));
}

function hashOf(state) {
  const parts = new URLSearchParams(FIELDS.filter((name) => state[name]).map((name) => [name, state[name]]));
  return "#" + parts.toString().replaceAll("%2F", "/");
}

// push: a step that the back button should undo; otherwise the address is only corrected.
function writeState(state, push) {
  const hash = hashOf(state);
  if (hash === location.hash || (hash === "#" && !location.hash)) return;
  history[push ? "pushState" : "replaceState"](null, "", hash === "#" ? "#consultations" : hash);
}
