// Shows who the patient is: complaint, reference diagnosis, critical items and who elicited which, persona.
const PLAIN = new Set(["plain", "normal", "none", ""]);

function criticalItems(caseData) {
  if (!caseData) return [];
  return [...(caseData.facts || []), ...(caseData.absences || [])].filter((item) => item.critical);
}

function caseStrip(caseData, card, persona) {
  const critical = criticalItems(caseData);
  const specific = critical.filter((item) => item.disclosure === "specific").length;
  const diagnosis = caseData && caseData.diagnosis;
  const lang = LANG[card.language];
  return h("section", { class: "case" },
    cell("Chief complaint", h("span", { lang, class: "serif" }, card.complaint || "not in this run's cases")),
    cell("Reference diagnosis", diagnosis ? h("span", { lang }, diagnosis.name) : h("span", { class: "quiet" }, "none recorded: not scored")),
    cell("Critical items", critical.length ? `${critical.length}${specific ? ` · ${specific} on specific question` : ""}` : "none marked"),
    cell("Persona", personaWords(persona)));
}

function cell(name, ...content) {
  return h("div", {}, h("small", {}, name), content);
}

function personaWords(persona) {
  const marked = Object.entries(persona || {}).filter(([, value]) => !PLAIN.has(value));
  return marked.length ? marked.map(([axis, value]) => (axis === "personality" ? words(value) : `${words(axis)} ${words(value)}`)).join(" · ")
    : "plain, cooperative";
}

// For each critical item, the exchange in which each doctor had it from the patient.
function elicited(columns, caseData) {
  const critical = criticalItems(caseData);
  if (!critical.length) return null;
  const firsts = columns.map((column) => {
    const at = new Map();
    for (const turn of column.record.turns || []) {
      if (turn.role !== "patient") continue;
      for (const id of turn.disclosed || []) if (!at.has(id)) at.set(id, turn);
    }
    return at;
  });
  const head = h("tr", {}, h("th", { scope: "col" }, "Critical item"), columns.map((column) => h("th", { scope: "col", class: "num" }, column.record.key.doctor)));
  const rows = critical.map((item) => h("tr", {},
    h("th", { scope: "row", lang: LANG[caseData.language] }, item.text || item.name, h("small", {}, ` ${words(item.topic || "associated")}${item.text ? "" : " · absent"}`)),
    firsts.map((at, column) => h("td", { class: "num" }, at.has(item.id)
      ? h("a", { href: "#", "data-goto": `turn-${column}-${at.get(item.id).index || 0}` }, `exchange ${at.get(item.id).exchange}`)
      : h("span", { class: "missed" }, "never")))));
  return h("details", { class: "elicited", open: true }, h("summary", {}, "Who elicited what"),
    h("div", { class: "scroll" }, h("table", { class: "plain" }, h("thead", {}, head), h("tbody", {}, rows))));
}
