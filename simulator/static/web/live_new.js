// The form that starts a session: narrows the list of cases down while one types.
"use strict";
(() => {
  const filters = document.querySelector("[data-case-filters]");
  if (!filters) return;
  const rows = [...document.querySelectorAll(".cases label")];
  const of = (name) => filters.querySelector(`[data-filter="${name}"]`);
  const narrow = () => {
    const words = of("text").value.trim().toLowerCase();
    const [language, department] = [of("language").value, of("department").value];
    let left = 0;
    for (const row of rows) {
      const fits = (!language || row.dataset.language === language) && (!department || row.dataset.department === department)
        && (!words || row.textContent.toLowerCase().includes(words));
      row.hidden = !fits;
      left += fits;
    }
    const chosen = rows.find((row) => row.querySelector("input").checked);
    const first = rows.find((row) => !row.hidden);
    if (first && (!chosen || chosen.hidden)) first.querySelector("input").checked = true;
    filters.querySelector(".count").textContent = `${left} of ${rows.length}`;
  };
  filters.hidden = false;
  filters.addEventListener("input", narrow);
  filters.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  narrow();
})();
