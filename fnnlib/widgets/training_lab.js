// Delayed recall, learnt in the page. The formulas are emitted; here are the loops over indices,
// the same random numbers as in Python, and the drawing.
const { T, B, limit, names } = DATA;
const range = (n, f) => Array.from({ length: n }, (_, k) => f(k));
const table = (t, n, u) => range(t, () => range(n, () => Array(u).fill(0)));

const generator = (seed) => {
  let state = Math.imul(seed, 2654435761) >>> 0;
  const draw = () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  range(4, draw);
  return draw;
};
const initial = (draw, H) => {
  const uniform = (rows, columns, scale) => range(rows, () => range(columns, () => scale * (2 * draw() - 1)));
  const scale = 1 / Math.sqrt(H);
  return { W: uniform(1, H, 1), U: uniform(H, H, scale), b: Array(H).fill(0), V: uniform(H, 1, scale), c: [0] };
};
const batch = (draw, delay, n) => {
  const input = range(T, () => range(n, () => [draw() < 0.5 ? 1 : -1]));
  return { input, target: input.map((_, t) => (t < delay ? input[t].map(() => [0]) : input[t - delay])) };
};

// Everything the formulas may use, under the names that they use.
const given = (p, { input, target }) => {
  const [n, H] = [input[0].length, p.b.length];
  const all = {
    ...p, input, target, state: table(T + 1, n, H), output: table(T, n, 1), error: table(T, n, 1),
    delta: table(T + 1, n, H), adjoint: table(T + 1, n, H), T, B: n, D: 1, H, O: 1,
  };
  return Object.fromEntries(Object.entries(all).map(([role, value]) => [names[role], value]));
};
const fillIn = (name, array, t, shift, all) => array[t - shift].forEach((row, n) =>
  row.forEach((_, j) => (row[j] = maths[name](t, n, j, all))));
const forward = (all) => {
  for (let t = 1; t <= T; t++) fillIn("state", all[names.state], t, 0, all);
  for (let t = 1; t <= T; t++) fillIn("output", all[names.output], t, 1, all);
};
const lossAndGradients = (p, pair) => {
  const all = given(p, pair);
  forward(all);
  for (let t = T; t > 0; t--) {
    for (const role of ["error", "adjoint", "delta"]) fillIn(role, all[names[role]], t, 1, all);
  }
  const gradients = Object.fromEntries(Object.entries(p).map(([name, rows]) => [name, rows.map((row, k) =>
    Array.isArray(row) ? row.map((_, j) => maths[`d${name}`](k, j, all)) : maths[`d${name}`](k, all))]));
  return { loss: maths.loss(all), gradients };
};

const begin = ({ seed, hidden }) => {
  const draw = generator(seed);
  return { draw, p: initial(draw, hidden), losses: [], norms: [], diverged: false };
};
const descend = (w, g, rate) => (Array.isArray(w) ? w.map((v, k) => descend(v, g[k], rate)) : w - rate * g);
// One update. A loss or gradient past the limit stops the run before it touches the weights.
const update = (run, { learning_rate, delay }) => {
  const { loss, gradients } = lossAndGradients(run.p, batch(run.draw, delay, B));
  const norm = Math.hypot(...Object.values(gradients).flat(2));
  run.diverged = !(loss < limit && norm < limit);
  if (run.diverged) return;
  run.losses.push(loss);
  run.norms.push(norm);
  for (const name of Object.keys(run.p)) run.p[name] = descend(run.p[name], gradients[name], learning_rate);
};
function run(steps, settings) {
  const state = begin(settings);
  for (let k = 0; k < steps && !state.diverged; k++) update(state, settings);
  return state;
}

const BUDGET = 3000;
function render({ model, el }) {
  const settings = () => Object.fromEntries(Object.keys(SPEC).map((name) => [name, model.get(name)]));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let lab = begin(settings());
  let timer = 0;

  const curve = (values, title, style, floor) => (root, width) => {
    const n = values().length;
    const stride = Math.ceil(n / 400);
    const last = Math.max(50, n);
    const high = Math.max(1, Math.ceil(Math.log10(Math.max(1, ...values()))));
    const a = ui.axes(root, { box: [44, 32, width - 10, 168], x: [0, last], y: [-4, high], log: true,
      title, xlabel: "step" });
    if (floor) a.line([[0, floor], [last, floor]], "reference");
    a.line(values().flatMap((v, k) => (k % stride && k < n - 1 ? [] : [[k + 1, Math.max(v, 1e-4)]])), style);
    if (n) a.dot(n, Math.max(values()[n - 1], 1e-4), style === "s0" ? "f0" : "f1", 3.5);
  };
  // Without learning anything, the best answer is 0; its loss is half the share of steps with a target.
  const loss = ui.picture(205, "Loss over the steps of training", (root, width) =>
    curve(() => lab.losses, "loss, logarithmic", "s0", (T - model.get("delay")) / T / 2)(root, width));
  const norm = ui.picture(205, "Gradient norm over the steps of training",
    curve(() => lab.norms, "gradient norm, logarithmic", "s1 whole"));
  const answers = ui.picture(200, "Answers of the net on a sequence it was not trained on", (root, width) => {
    const pair = batch(generator(model.get("seed") + 1000), model.get("delay"), 1);
    const all = given(lab.p, pair);
    forward(all);
    const a = ui.axes(root, { box: [44, 32, width - 10, 158], x: [0.4, T + 0.6], y: [-1.7, 1.7],
      title: "answers on a new sequence", xlabel: "time t",
      yticks: [-1, 0, 1], xticks: range(T, (k) => [k + 1, (k + 1) % 2 ? String(k + 1) : ""]) });
    const wide = ((a.X(1) - a.X(0)) * 0.6);
    for (let t = 1; t <= T; t++) {
      a.bar(t, wide, pair.input[t - 1][0][0], "shade");
      a.dot(t, pair.target[t - 1][0][0], "ring", 7);
      a.dot(t, Math.min(1.6, Math.max(-1.6, all[names.output][t - 1][0][0])), "f1", 4);
    }
  });
  const key = ui.html("p", {});

  const told = ui.status();
  const story = () => {
    const n = lab.losses.length;
    if (lab.diverged) {
      return `Diverged at step ${n + 1}: the loss or its gradient passed 10⁶. At learning rate ` +
        `${model.get("learning_rate")} every update overshoots the minimum by more than it corrects, so the ` +
        "weights grow from step to step. Lower the learning rate, then press Reset.";
    }
    if (n === 0) return "Not trained yet: the answers come from random weights. Press Play.";
    const size = `Step ${n}: loss ${ui.number(lab.losses[n - 1])}, gradient norm ${ui.number(lab.norms[n - 1])}.`;
    return n < BUDGET ? size : `${size} The run ends here; press Reset to start another.`;
  };
  let spoken = 0;
  const show = () => {
    for (const picture of [loss, norm, answers]) picture.redraw();
    key.replaceChildren(...ui.rich(`Bars: input x_t. Rings: target x_{t−${model.get("delay")}}. Dots: the net's answer.`));
    play.textContent = model.get("running") ? "Pause" : "Play";
    play.disabled = once.disabled = lab.diverged || lab.losses.length >= BUDGET;
    told.classList.toggle("warning", lab.diverged);
    // While it runs, a screen reader hears the state once in two seconds.
    if (model.get("running") && performance.now() - spoken < 2000) return;
    spoken = performance.now();
    told.textContent = story();
    ui.set(model, "step", lab.losses.length);
    ui.set(model, "loss", lab.losses.at(-1) ?? null);
  };
  const advance = (count) => {
    for (let k = 0; k < count && !lab.diverged && lab.losses.length < BUDGET; k++) update(lab, settings());
    if (lab.diverged || lab.losses.length >= BUDGET) ui.set(model, "running", false);
    show();
  };
  const loop = () => {
    if (!model.get("running") || !el.isConnected) return;
    advance(calm ? 50 : 1);
    timer = setTimeout(loop, calm ? 1000 : 16);
  };
  const reset = () => {
    ui.set(model, "running", false);
    lab = begin(settings());
    spoken = 0;
    show();
  };

  const play = ui.button("Play", () => ui.set(model, "running", !model.get("running")));
  const once = ui.button("Step", () => advance(1));
  ui.watch(model, ["running"], () => {
    clearTimeout(timer);
    spoken = 0;
    loop();
    show();
  });
  ui.watch(model, ["delay", "hidden", "seed"], reset);
  ui.mount(el, ui.html("div", { class: "buttons" }, play, once, ui.button("Reset", reset)),
    ui.html("div", { class: "panels" }, loss.root, norm.root), answers.root, key, told,
    ui.html("div", { class: "controls" }, ...Object.keys(SPEC).map((name) => ui.slider(model, name, SPEC[name]))));
  show();
}

export default { render, maths, run };
