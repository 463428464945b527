// Bars of probabilities and of gradients, and both losses along the logit of the target class.
const LOSSES = [
  ["cross_entropy", "Cross-entropy", "s0", "f0"], ["squared_error", "Squared error", "s1", "f1"],
];
const RANGE = [-8, 8];
const CURVE = Array.from({ length: 81 }, (_, k) => -8 + k / 5);

const example = (z, target) => ({
  z, p: kernel.softmax(z), y: z.map((_, c) => Number(c === target)), [DATA.size]: z.length,
});
const gradient = (name, given) => given.z.map((_, j) => maths[`${name}_gradient`](j, given));

function render({ model, el }) {
  const now = () => example(model.get("logits"), model.get("target"));
  const classes = (n, target) =>
    Array.from({ length: n }, (_, c) => [c, c === target ? `class ${c} (target)` : `class ${c}`]);
  const bars = (root, width, given, settings) => {
    const n = given.z.length;
    const a = ui.axes(root, { box: [40, 32, width - 8, 178], x: [-0.5, n - 0.5],
      xticks: classes(n, model.get("target")), ...settings });
    return [a, (a.X(1) - a.X(0)) * 0.32];
  };

  const probabilities = ui.picture(215, "Probability of every class", (root, width) => {
    const given = now();
    const title = "probability p = softmax(z)";
    const [a, size] = bars(root, width, given, { y: [0, 1.05], title });
    given.p.forEach((p, c) => {
      a.bar(c, 1.6 * size, p, "f2");
      a.text(a.X(c), a.Y(p) - 5, ui.number(p, 2), { "text-anchor": "middle" });
    });
    a.bar(model.get("target"), 1.6 * size + 6, 1, "ring");
  });
  const gradients = ui.picture(215, "Gradient of both losses for every logit", (root, width) => {
    const given = now();
    const [a, size] = bars(root, width, given, { y: [-1.05, 1.05], title: "gradient ∂L/∂z" });
    LOSSES.forEach(([name, , , fill], k) => gradient(name, given).forEach((g, c) =>
      a.bar(c + (k - 0.5) * (size * 1.06) / (a.X(1) - a.X(0)), size, g, fill)));
  });
  const curves = ui.picture(220, "Both losses along the logit of the target", (root, width) => {
    const { z } = now();
    const target = model.get("target");
    const at = (name, v) => maths[name](example(z.with(target, v), target));
    const a = ui.axes(root, { box: [40, 32, width - 8, 178], x: RANGE, y: [0, 8],
      title: "loss, as the logit of the target moves", xlabel: `logit z_${target} of the target` });
    for (const [name, , style, fill] of LOSSES) {
      a.line(CURVE.map((v) => [v, at(name, v)]), style);
      a.dot(z[target], Math.min(8, at(name, z[target])), fill);
    }
  });

  const told = ui.status();
  const redraw = () => {
    for (const { redraw } of [probabilities, gradients, curves]) redraw();
    const given = now();
    const target = model.get("target");
    const say = ([name, words]) => `${words} ${ui.number(maths[name](given))}, its gradient ` +
      `${ui.number(gradient(name, given)[target])} on z_${target}.`;
    const right = given.p[target] === Math.max(...given.p);
    told.replaceChildren(...ui.rich(`The classifier is ${right ? "right" : "wrong"}: ` +
      `p_${target} = ${ui.number(given.p[target])}. ${LOSSES.map(say).join(" ")}`));
  };
  ui.watch(model, ["logits", "target"], redraw);
  const sliders = model.get("logits").map((_, c) =>
    ui.slider(model, "logits", { ...SPEC.logits, label: `logit z_${c}` }, c));
  ui.mount(el, ui.html("div", { class: "panels" }, probabilities.root, gradients.root),
    curves.root, ui.legend(LOSSES.map(([, words, style]) => [style, words])), told,
    ui.html("div", { class: "controls" }, ...sliders, ui.select(model, "target", SPEC.target)));
  redraw();
}

export default { render, maths, example, gradient };
