// Two plots over one z axis: the functions, and their derivatives with the saturated range shaded.
const LIMIT = 6;
const GRID = Array.from({ length: 241 }, (_, k) => (k - 120) / 20);
const at = (name, z) => maths[name]({ z, ...DATA.constants });
const curves = Object.fromEntries(
  Object.keys(maths).map((name) => [name, GRID.map((z) => at(name, z))]));

// A jump of a derivative is a gap in its line, not a wall.
const points = (name) => GRID.map((z, k) =>
  k && Math.abs(curves[name][k] - curves[name][k - 1]) > 0.3 ? null : [z, curves[name][k]]);

const rangeOf = (names) => {
  const values = names.flatMap((name) => curves[`${name}_value`]);
  const [low, high] = [Math.max(-1, Math.min(...values)), Math.min(2, Math.max(...values))];
  return [low - 0.15, high + 0.15];
};
// Stretches of the axis where |f'| is below the threshold.
const saturated = (name, threshold) => {
  const found = [];
  GRID.forEach((z, k) => {
    if (Math.abs(curves[name][k]) >= threshold) return;
    const open = k && Math.abs(curves[name][k - 1]) < threshold;
    if (open) found.at(-1)[1] = z;
    else found.push([z, z]);
  });
  return found;
};

function render({ model, el }) {
  const focus = () => model.get("function");
  const others = () =>
    DATA.names.filter((name) => name !== focus() && model.get("compare").includes(name));
  const style = (name) => `s${DATA.names.indexOf(name)}`;
  const fillOf = (name) => `f${DATA.names.indexOf(name)}`;

  const draw = (root, box, suffix, settings) => {
    const a = ui.axes(root, { box, x: [-LIMIT, LIMIT], ...settings });
    const [z, name] = [model.get("z"), focus() + suffix];
    for (const [from, to] of saturated(`${focus()}_slope`, model.get("threshold"))) {
      a.band(from, to, "shade");
    }
    for (const other of others()) a.line(points(other + suffix), `${style(other)} faint`);
    a.line([[z, settings.y[0]], [z, settings.y[1]]], "guide");
    a.line(points(name), style(focus()));
    return [a, z, at(name, z)];
  };
  const above = ui.picture(230, "Functions", (root, width) => {
    const [a, z, value] = draw(root, [40, 32, width - 10, 220], "_value",
      { y: rangeOf([focus(), ...others()]), title: "f(z) and its tangent", xticks: [] });
    const slope = at(`${focus()}_slope`, z);
    a.line([-1.6, 1.6].map((s) => [z + s, value + s * slope]), "tangent");
    a.dot(z, value, fillOf(focus()));
  });
  const below = ui.picture(210, "Derivatives", (root, width) => {
    const limit = model.get("threshold");
    const title = `f′(z), shaded where |f′| < ${limit.toFixed(2)}`;
    const [a, z, slope] = draw(root, [40, 32, width - 10, 168], "_slope",
      { y: [-0.08, 1.1], xlabel: "z", title });
    a.line([[-LIMIT, limit], [LIMIT, limit]], "reference");
    a.dot(z, slope, fillOf(focus()));
  });

  // The point follows the pointer; the slider below does the same from the keyboard.
  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const frame = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - frame.left - 40) / (frame.width - 50);
    ui.set(model, "z", Math.round(Math.min(1, Math.max(0, part)) * 240 - 120) / 20);
  };
  for (const { root } of [above, below]) {
    root.addEventListener("pointerdown", drag);
    root.addEventListener("pointermove", drag);
  }

  const told = ui.status();
  const redraw = () => {
    above.redraw();
    below.redraw();
    const z = model.get("z");
    const [value, slope] = ["value", "slope"].map((which) => at(`${focus()}_${which}`, z));
    const state = Math.abs(slope) < model.get("threshold") ? "Saturated: " : "";
    const point = ui.number(z);
    told.replaceChildren(...ui.rich(
      `f(${point}) = ${ui.number(value)}, f′(${point}) = ${ui.number(slope)}. ` +
      `${state}${ui.number(100 * slope)} % of a gradient passes back through this ${focus()}.`));
  };
  ui.watch(model, ["function", "compare", "z", "threshold"], redraw);
  ui.mount(el, above.root, below.root, told, ui.html("div", { class: "controls" },
    ui.select(model, "function", SPEC.function), ui.slider(model, "z", SPEC.z),
    ui.slider(model, "threshold", SPEC.threshold), ui.checks(model, "compare", SPEC.compare)));
  redraw();
}

export default { render, maths };
