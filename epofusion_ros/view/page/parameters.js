// The live parameters: shown with their ranges, and sent to the node when they are changed.
const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

const KINDS = {
  switch: {
    field: () => made("input", { type: "checkbox" }),
    show: (field, value) => { field.checked = value; },
    read: field => field.checked,
  },
  choice: {
    field: ({ choices }) => {
      const field = made("select", {});
      field.append(...choices.map(choice => made("option", { value: choice, textContent: choice })));
      return field;
    },
    show: (field, value) => { field.value = value; },
    read: field => field.value,
  },
  number: {
    field: ({ lowest, highest }) => made("input", { type: "number", step: "any", min: lowest, max: highest }),
    show: (field, value) => { field.value = value; },
    read: field => field.value === "" ? null : field.valueAsNumber,
  },
  numbers: {
    field: () => made("input", { type: "text" }),
    show: (field, value) => { field.value = value.join(", "); },
    read: field => field.value.split(",").map(Number),
  },
};

export class Parameters {
  constructor(section, send) {
    this.rows = section.querySelector(".rows");
    this.heading = section.querySelector("small");
    this.send = send;
    this.shown = new Map();
  }

  show(parameters, mayChange) {
    this.heading.textContent = !parameters.length ? "the node has not told them"
      : mayChange ? "" : "read only: the view was started without --allow-changes";
    this.rows.hidden = !parameters.length;
    for (const parameter of parameters) {
      if (!this.shown.has(parameter.name)) this.add(parameter);
      const { field } = this.shown.get(parameter.name);
      field.disabled = !mayChange;
      if (document.activeElement !== field) KINDS[parameter.kind].show(field, parameter.value);
    }
  }

  add(parameter) {
    const { name, kind, range, unit, description } = parameter;
    const field = KINDS[kind].field(parameter);
    field.id = `parameter ${name}`;
    field.addEventListener("change", () => this.send({ set: name, value: KINDS[kind].read(field) }));
    const refused = made("div", { className: "refused", role: "alert" });
    const row = made("div", { className: "row" });
    const limits = [range, unit].filter(Boolean).join(" ");
    const meaning = made("small", { textContent: `${description} ` });
    if (limits) meaning.append(made("span", { className: "range", textContent: `[${limits}]` }));
    row.append(made("label", { htmlFor: field.id, textContent: name }), field, meaning, refused);
    this.rows.append(row);
    this.shown.set(name, { field, kind, refused });
  }

  answered(name, refused) {
    const shown = this.shown.get(name);
    if (shown) shown.refused.textContent = refused;
  }
}
