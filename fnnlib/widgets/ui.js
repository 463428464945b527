// Controls shared by all widgets: native, labelled, bound to one name of the model.
const ui = (() => {
  const { html, svg, rich, number, tickText } = plot;
  const set = (model, name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  let serial = 0;
  const labelled = (text, control, ...rest) => {
    control.id ||= `fnnlib-control-${++serial}`;
    const label = html("label", { for: control.id }, ...rich(text));
    return html("div", { class: "control" }, label, control, ...rest);
  };

  // A slider for a number, or for item k of a list; the third argument is its line of SPEC.
  // With `log` it moves in powers of ten.
  const slider = (model, name, { label, min, max, step, log }, k) => {
    const get = () => (k === undefined ? model.get(name) : model.get(name)[k]);
    const put = (v) => set(model, name, k === undefined ? v : model.get(name).with(k, v));
    const [inward, outward] = log
      ? [(v) => Math.log10(v), (p) => Number((10 ** p).toPrecision(3))]
      : [(v) => v, (p) => Number(p.toPrecision(6))];
    const limits = { min: inward(min), max: inward(max), step };
    const input = html("input", { type: "range", name, ...limits });
    const output = html("output");
    const show = () => {
      const value = get();
      input.value = inward(value);
      const fixed = () => value.toFixed(step < 0.1 ? 2 : 1).replace("-", "−");
      const whole = Number.isInteger(step);
      output.textContent = log ? number(value) : whole ? tickText(value) : fixed();
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => put(outward(input.valueAsNumber)));
    model.on(`change:${name}`, show);
    show();
    return labelled(label, input, output);
  };

  const select = (model, name, { label, options }) => {
    const choices = options.map((value) => html("option", { value }, String(value)));
    const input = html("select", { name }, ...choices);
    const show = () => (input.value = model.get(name));
    input.addEventListener("change", () => set(model, name, options[input.selectedIndex]));
    model.on(`change:${name}`, show);
    show();
    return labelled(label, input);
  };

  // Check boxes for a list of names, each with the line it stands for.
  const checks = (model, name, { label, options }) => {
    const boxes = options.map((value) => html("input", { type: "checkbox", name, value }));
    const show = () => boxes.forEach((b) => (b.checked = model.get(name).includes(b.value)));
    const store = () => set(model, name, options.filter((_, k) => boxes[k].checked));
    for (const box of boxes) box.addEventListener("change", store);
    model.on(`change:${name}`, show);
    show();
    return html("fieldset", { class: "checks" }, html("legend", {}, label),
      ...boxes.map((box, k) => html("label", {}, box, swatch(`s${k}`), options[k])));
  };
  const swatch = (style) => svg("svg", { width: 26, height: 10, "aria-hidden": "true" },
    svg("path", { class: `line ${style}`, d: "M0 5H26" }));
  const legend = (entries) => html("p", { class: "legend" }, ...entries.map(([style, text]) =>
    html("span", {}, swatch(style), html("span", {}, ...rich(text)))));

  const button = (text, act) => {
    const node = html("button", { type: "button" }, text);
    node.addEventListener("click", act);
    return node;
  };
  const status = () => html("p", { role: "status", class: "status" });
  // The mark keeps JupyterLab from taking arrow keys away from the controls.
  const mount = (el, ...children) => {
    el.append(...children);
    for (const control of el.querySelectorAll("input, select, button")) {
      control.dataset.lmSuppressShortcuts = "true";
    }
  };
  const watch = (model, names, act) => names.forEach((name) => model.on(`change:${name}`, act));

  return {
    ...plot, set, slider, select, checks, legend, button, status, mount, watch,
  };
})();
