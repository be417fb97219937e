// Shows how the judges scored: dimensions as bars, what has no turn to stand beside, and why a figure is missing.
function verdicts(columns, index) {
  const names = [...new Set(columns.flatMap((column) => (column.record.verdicts || []).map((one) => one.judge)))];
  if (!names.length) return h("p", { class: "quiet" }, "No judge has seen this consultation.");
  return names.map((name) => verdictOf(name, columns, index));
}

function verdictOf(judge, columns, index) {
  const theirs = columns.map((column) => (column.record.verdicts || []).find((one) => one.judge === judge));
  const scored = Object.keys(index.dimensions).filter((name) => theirs.some((one) => one && has(one, name)));
  const head = h("tr", {}, h("th", { scope: "col" }, `judge: ${judge}`), columns.map((column) => h("th", { scope: "col" }, column.record.key.doctor)));
  const rows = scored.map((name) => h("tr", {}, h("th", { scope: "row" }, index.dimensions[name]), theirs.map((one) => scoreCell(one, name))));
  return h("section", { class: "verdict" },
    h("div", { class: "scroll" }, h("table", { class: "dims" }, h("thead", {}, head), h("tbody", {}, rows))),
    columns.map((column, at) => remarks(theirs[at], columns, at)),
    metricTable(theirs, columns, index));
}

const has = (verdict, name) => name in (verdict.scores || {}) || name in (verdict.not_scored || {});

function scoreCell(verdict, name) {
  if (!verdict) return h("td", { class: "none" }, "not judged");
  if (verdict.parsed === false) return h("td", { class: "none bad" }, "the judge's answer could not be read");
  const score = (verdict.scores || {})[name];
  const why = (verdict.not_scored || {})[name];
  if (score === undefined) return h("td", { class: "none" }, why ? `not scored: ${why}` : "not scored");
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i", {}));
  bar.firstChild.style.width = `${Math.max(0, Math.min(10, score)) * 10}%`;
  return h("td", { title: why || null }, h("span", { class: "scored" }, bar, h("span", { class: "num" }, fixed(score))));
}

function remarks(verdict, columns, at) {
  if (!verdict) return null;
  const loose = (verdict.evidence || []).filter((one) => one.turn === undefined || one.turn === null).map((one) => ({ good: true, ...one }));
  if (!loose.length) return null;
  const name = columns.length > 1 ? `${columns[at].record.key.doctor}: ` : "";
  return h("div", { class: "remarks" }, name && h("b", {}, name),
    h("ul", {}, loose.map((one) => h("li", {}, h("span", { class: `chip ${one.good ? "good" : "bad"}` }, one.tag), " ", one.reason))));
}

function metricTable(theirs, columns, index) {
  const names = [...new Set(theirs.flatMap((one) => (one ? [...Object.keys(one.metrics || {}), ...Object.keys(one.not_scored || {})] : [])))]
    .filter((name) => !(name in index.dimensions)).sort();
  if (!names.length) return null;
  const rows = names.map((name) => h("tr", {}, h("th", { scope: "row" }, index.labels[name] || words(name)), theirs.map((one) => {
    const value = one && (one.metrics || {})[name];
    const why = one && (one.not_scored || {})[name];
    return value === undefined || value === null ? h("td", { class: "none" }, why ? `not scored: ${why}` : "not scored")
      : h("td", { class: "num" }, String(Math.round(value * 1000) / 1000));
  })));
  return h("details", {}, h("summary", {}, plural(names.length, "metric")),
    h("div", { class: "scroll" }, h("table", { class: "plain" },
      columns.length > 1 && h("thead", {}, h("tr", {}, h("th", {}), columns.map((c) => h("th", { scope: "col", class: "num" }, c.record.key.doctor)))), h("tbody", {}, rows))));
}
