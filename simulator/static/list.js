// The list of consultations: filters, text search through the packed transcripts, and rows added as one scrolls.
const PAGE = 120;

function makeRows(index) {
  const { rows } = index;
  const doctors = new Map(index.doctors.map((name, at) => [name, at]));
  const all = rows.case.map((number, row) => {
    const card = index.cases[number], doctor = index.doctor[rows.doctor[row]];
    return {
      row, card, number, doctor, trial: rows.trial[row], language: index.language[rows.language[row]],
      stop: index.stop[rows.stop[row]], exchanges: rows.exchanges[row], scored: Boolean(rows.scored[row]),
      total: rows.total[row], failures: rows.failures[row].map((at) => index.failure[at]),
      id: `${card.id}/${doctor}/${rows.trial[row]}`,
    };
  });
  const order = (doctor) => (doctors.has(doctor) ? doctors.get(doctor) : doctors.size);
  return all.sort((a, b) => a.number - b.number || order(a.doctor) - order(b.doctor)
    || (a.doctor < b.doctor ? -1 : a.doctor > b.doctor ? 1 : 0) || a.trial - b.trial);
}

const MATCH = {
  doctor: (row, value) => row.doctor === value,
  case: (row, value) => row.card.id === value,
  department: (row, value) => row.card.department === value,
  language: (row, value) => row.language === value,
  stop: (row, value) => row.stop === value,
  failures: (row, value) => (value === "none" ? !row.failures.length : value === "any" ? row.failures.length > 0
    : value === "unscored" ? !row.scored : row.failures.includes(value)),
};

function passes(row, state) {
  return Object.entries(MATCH).every(([name, test]) => !state[name] || test(row, state[name]));
}

function cardHas(row, needle) {
  const { card } = row;
  return [card.id, card.title, card.complaint, card.diagnosis, row.doctor].some((text) => text && text.toLowerCase().includes(needle));
}

// Calls found(matches, share) as chunks are read; stops when alive() turns false.
async function searchText(index, rows, needle, found, alive) {
  const hits = new Set(rows.filter((row) => cardHas(row, needle)).map((row) => row.row));
  const wanted = new Set(rows.map((row) => row.row));
  for (let at = 0; at < index.starts.length; at++) {
    const records = await unpack(`chunk-${at}`);
    if (!alive()) return;
    records.forEach((record, offset) => {
      const row = index.starts[at] + offset;
      if (wanted.has(row) && (record.turns || []).some((turn) => turn.text.toLowerCase().includes(needle))) hits.add(row);
    });
    if (at % 8 === 7 || at === index.starts.length - 1) found(rows.filter((row) => hits.has(row.row)), (at + 1) / index.starts.length);
  }
  if (!index.starts.length) found([], 1);
}

function buildFilters(form, index, rows, change) {
  const distinct = (pick) => [...new Set(rows.map(pick).filter(Boolean))];
  const choices = {
    doctor: distinct((row) => row.doctor),
    case: distinct((row) => row.card.id),
    department: distinct((row) => row.card.department).sort(),
    language: distinct((row) => row.language).sort(),
    stop: distinct((row) => row.stop).sort(),
    failures: ["none", "any", "unscored", ...index.failure],
  };
  const names = { stop: "ended", failures: "failures" };
  const titles = new Map(rows.map((row) => [row.card.id, row.card.title || row.card.id]));
  const fields = Object.entries(choices).map(([name, values]) => h("label", {}, h("small", {}, names[name] || name),
    h("select", { name, onchange: (event) => change(name, event.target.value) }, h("option", { value: "" }, "all"),
      values.map((value) => h("option", { value }, name === "case" ? titles.get(value) : words(value))))));
  const search = h("label", { class: "search" }, h("small", {}, "text"), h("input", {
    type: "search", name: "q", placeholder: "words of a transcript", autocomplete: "off", spellcheck: "false",
    oninput: (event) => change("q", event.target.value),
  }));
  fill(form, fields, search, h("span", { class: "count", role: "status" }));
  form.addEventListener("submit", (event) => event.preventDefault());
}

function showFilters(form, state) {
  for (const name of FILTERS) {
    const field = form.elements.namedItem(name);
    if (field && field.value !== state[name] && document.activeElement !== field) field.value = state[name];
    if (field) field.parentNode.classList.toggle("set", Boolean(state[name]));
  }
}

function showList(nav, rows, chosen, choose) {
  let shown = 0, group = null, before = "";
  nav.replaceChildren();
  const more = h("button", { type: "button", class: "more", onclick: () => page() }, "");
  const page = () => {
    more.remove();
    for (const row of rows.slice(shown, shown + PAGE)) {
      if (row.card.id !== before) {
        before = row.card.id;
        group = h("div", { class: "group" }, h("div", { class: "title", lang: LANG[row.card.language] }, row.card.title || row.card.id));
        nav.append(group);
      }
      group.append(listRow(row, row === chosen, choose));
    }
    shown = Math.min(rows.length, shown + PAGE);
    if (shown < rows.length) { more.textContent = `${rows.length - shown} more`; nav.append(more); }
  };
  do page(); while (shown < rows.length && chosen && rows.indexOf(chosen) >= shown);
  if (!rows.length) nav.append(h("p", { class: "quiet" }, "No consultation matches."));
}

function listRow(row, chosen, choose) {
  return h("button", { type: "button", class: "row", "data-id": row.id, "aria-current": chosen ? "true" : null, onclick: () => choose(row) },
    h("span", { class: "doctor" }, row.doctor, row.trial ? h("small", {}, ` ${row.trial + 1}`) : ""),
    row.failures.length > 0 || !row.scored
      ? h("span", { class: "long flag", title: row.failures.join("; ") }, words(row.failures[0] || "not scored"))
      : h("span", { class: "long" }, words(row.stop), ` · ${row.exchanges}`),
    h("span", { class: "num" }, row.scored ? fixed(row.total) : "–"));
}
