// Makes the table of tags sortable and, where it is long, searchable. Without it the page says the same.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace(/,/g, ""));
    return column === 0 ? text : Number.isNaN(number) ? -1 : number;
  };
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = column === 0
        ? (a, b) => value(a, 0).localeCompare(value(b, 0))
        : (a, b) => value(a, column) - value(b, column);
      rows.sort((a, b) => (down ? -order(a, b) : order(a, b)));
      body.append(...rows);
    });
  });
  if (rows.length > 12) {
    const label = document.createElement("label");
    label.className = "search";
    label.textContent = "Find a tag ";
    const field = document.createElement("input");
    field.type = "search";
    label.append(field);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    });
    table.before(label);
  }
}
