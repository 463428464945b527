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
  const uniform = (rows, columns, scale) =>
    range(rows, () => range(columns, () => scale * (2 * draw() - 1)));
  const scale = 1 / Math.sqrt(H);
  const [W, U, V] = [uniform(1, H, 1), uniform(H, H, scale), uniform(H, 1, scale)];
  return { W, U, b: Array(H).fill(0), V, c: [0] };
};
const batch = (draw, delay, n) => {
  const input = range(T, () => range(n, () => [draw() < 0.5 ? 1 : -1]));
  const before = range(delay, () => range(n, () => [0]));
  return { input, target: [...before, ...input.slice(0, T - delay)] };
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
  const gradient = (name) => p[name].map((row, k) => (Array.isArray(row)
    ? row.map((_, j) => maths[`d${name}`](k, j, all)) : maths[`d${name}`](k, all)));
  const gradients = Object.fromEntries(Object.keys(p).map((name) => [name, gradient(name)]));
  return { loss: maths.loss(all), gradients };
};

const begin = ({ seed, hidden }) => {
  const draw = generator(seed);
  return { draw, p: initial(draw, hidden), losses: [], norms: [], diverged: false };
};
const descend = (w, g, rate) =>
  (Array.isArray(w) ? w.map((v, k) => descend(v, g[k], rate)) : w - rate * g);
// One update. A loss or gradient past the limit stops the run before it touches the weights.
const update = (run, { learning_rate, delay }) => {
  const { loss, gradients } = lossAndGradients(run.p, batch(run.draw, delay, B));
  const norm = Math.hypot(...Object.values(gradients).flat(2));
  run.diverged = !(loss < limit && norm < limit);
  if (run.diverged) return;
  run.losses.push(loss);
  run.norms.push(norm);
  for (const name of Object.keys(run.p)) {
    run.p[name] = descend(run.p[name], gradients[name], learning_rate);
  }
};
function run(steps, settings) {
  const state = begin(settings);
  for (let k = 0; k < steps && !state.diverged; k++) update(state, settings);
  return state;
}

const BUDGET = 3000;
const FLOOR = 1e-4;
function render({ model, el }) {
  const settings = () =>
    Object.fromEntries(Object.keys(SPEC).map((name) => [name, model.get(name)]));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let lab = begin(settings());
  let timer = 0;

  const curve = (root, width, values, title, line, dot) => {
    const n = values.length;
    const stride = Math.ceil(n / 400);
    const high = Math.max(1, Math.ceil(Math.log10(Math.max(1, ...values))));
    const a = ui.axes(root, { box: [44, 32, width - 10, 168], x: [0, Math.max(50, n)],
      y: [Math.log10(FLOOR), high], log: true, title, xlabel: "step" });
    const points = values.map((v, k) => [k + 1, Math.max(v, FLOOR)]);
    a.line(points.filter((_, k) => k % stride === 0 || k === n - 1), line);
    if (n) a.dot(...points[n - 1], dot, 3.5);
    return a;
  };
  const loss = ui.picture(205, "Loss over the steps of training", (root, width) => {
    const a = curve(root, width, lab.losses, "loss, logarithmic", "s0", "f0");
    const zero = (T - model.get("delay")) / T / 2; // half the share of steps with a target
    a.line([[0, zero], [Math.max(50, lab.losses.length), zero]], "reference");
  });
  const norm = ui.picture(205, "Gradient norm over the steps of training", (root, width) =>
    curve(root, width, lab.norms, "gradient norm, logarithmic", "s1 whole", "f1"));
  const answers = ui.picture(200, "Answers on a sequence not trained on", (root, width) => {
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
        `${model.get("learning_rate")} every update overshoots the minimum by more than it ` +
        "corrects, so the weights grow from step to step. " +
        "Lower the learning rate, then press Reset.";
    }
    if (n === 0) return "Not trained yet: the answers come from random weights. Press Play.";
    const [size, slope] = [lab.losses, lab.norms].map((values) => ui.number(values[n - 1]));
    const says = `Step ${n}: loss ${size}, gradient norm ${slope}.`;
    return n < BUDGET ? says : `${says} The run ends here; press Reset to start another.`;
  };
  const over = () => lab.diverged || lab.losses.length >= BUDGET;
  let spoken = 0;
  const show = () => {
    for (const picture of [loss, norm, answers]) picture.redraw();
    key.replaceChildren(...ui.rich("Dashed: loss of always answering 0. Bars: input x_t. " +
      `Rings: target x_{t−${model.get("delay")}}. Dots: the net's answer.`));
    play.textContent = model.get("running") ? "Pause" : "Play";
    play.disabled = once.disabled = over();
    told.classList.toggle("warning", lab.diverged);
    // While it runs, a screen reader hears the state once in two seconds.
    if (model.get("running") && performance.now() - spoken < 2000) return;
    spoken = performance.now();
    told.textContent = story();
    ui.set(model, "step", lab.losses.length);
    ui.set(model, "loss", lab.losses.at(-1) ?? null);
  };
  const advance = (count) => {
    for (let k = 0; k < count && !over(); k++) update(lab, settings());
    if (over()) ui.set(model, "running", false);
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
    ui.html("div", { class: "controls" },
      ...Object.keys(SPEC).map((name) => ui.slider(model, name, SPEC[name]))));
  show();

  // Paper cannot press Play: an untrained net is printed trained.
  const print = () => {
    if (lab.losses.length) return;
    advance(150);
    addEventListener("afterprint", reset, { once: true });
  };
  addEventListener("beforeprint", print);
  return () => {
    clearTimeout(timer);
    removeEventListener("beforeprint", print);
  };
}

export default { render, maths, run };
