// The unrolled net, its states, and the gradient of the loss with respect to each of them.
const matrix = (model) => {
  if (model.get("units") === 1) return [[model.get("weight")]];
  const [r, a] = [model.get("radius"), (model.get("angle") * Math.PI) / 180];
  return [[r * Math.cos(a), r * Math.sin(a)], [-r * Math.sin(a), r * Math.cos(a)]];
};

// States h[0..T] and gradients g[0..T] of the first unit of h[T], for a pulse at t = 1.
function run({ activation, U, T }) {
  const H = U.length;
  const units = U.map((_, i) => i);
  const net = { U, W: [units.map((i) => Number(i === 0))], b: units.map(() => 0), D: 1, H };
  const [step, back] = [maths[`${activation}_step`], maths[`${activation}_back`]];
  const h = [units.map(() => 0)];
  const read = (t) => ({ ...net, h: h[t - 1], x: [Number(t === 1)] });
  for (let t = 1; t <= T; t++) h.push(units.map((i) => step(i, read(t))));
  const g = [];
  g[T] = units.map((i) => Number(i === 0));
  for (let t = T; t > 0; t--) g[t - 1] = units.map((i) => back(i, { ...read(t), lambda_: g[t] }));
  return { h, g };
}

function render({ model, el }) {
  const size = (v) => Math.hypot(...v);
  const result = () =>
    run({ activation: model.get("activation"), U: matrix(model), T: model.get("steps") });
  const rho = () =>
    (model.get("units") === 1 ? Math.abs(model.get("weight")) : model.get("radius"));
  let now = result();

  // The three pictures share one axis of time.
  const shared = (width, bottom) => {
    const T = now.h.length - 1;
    const stride = [1, 2, 5, 10, 20].find((s) => (T / s) * 34 < width - 90);
    const marks = now.h.map((_, t) => [t, String(t)]).filter(([t]) => t % stride === 0);
    return { box: [52, 32, width - 34, bottom], x: [0, T], xticks: marks };
  };

  const net = ui.picture(108, "The unrolled net", (root, width) => {
    const { h, g } = now;
    const T = h.length - 1;
    const gap = (width - 86) / T;
    const X = (t) => 52 + t * gap;
    const r = Math.min(10, gap * 0.32);
    const arrow = (style, from, to, y, head, more = {}) => {
      const tip = gap > 16 ? `l${head} -4m${-head} 4l${head} 4` : "";
      const d = `M${from} ${y}H${to}${tip}`;
      root.append(ui.svg("path", { class: `arrow ${style}`, d, ...more }));
    };
    const note = (x, y, text) =>
      ui.svg("text", { class: "note", x, y, "text-anchor": "middle" }, ...ui.richSvg(text));
    const title = "unrolled net, and the gradient going back";
    root.append(ui.svg("text", { class: "title", x: 4, y: 20 }, title));
    for (let t = 1; t <= T; t++) {
      const strength = Math.min(1, Math.max(0, 1 + Math.log10(size(g[t - 1])) / 6));
      arrow("", X(t - 1) + r, X(t) - r - 1, 48, -4);
      arrow("s1 whole", X(t), X(t - 1) + 2, 78, 5,
        { opacity: 0.05 + 0.95 * strength, "stroke-width": 0.5 + 3 * strength });
    }
    h.forEach((state, t) => root.append(
      ui.svg("circle", { class: "unit", cx: X(t), cy: 48, r }),
      ui.svg("circle", { class: state[0] < 0 ? "f3" : "f0", cx: X(t), cy: 48, r,
        "fill-opacity": Math.min(1, Math.abs(state[0])).toFixed(2) })));
    arrow("", X(T) + r, width - 20, 48, -4);
    root.append(note(X(0), 102, "h_0"), note(X(T), 102, "h_T"), note(width - 12, 52, "L"));
  });

  const states = ui.picture(170, "States over time", (root, width) => {
    const { h } = now;
    const T = h.length - 1;
    const top = Math.min(1e5, Math.max(1, ...h.flat().map(Math.abs)));
    const bottom = Math.min(...h.flat()) < 0 ? -top : 0;
    const a = ui.axes(root, { ...shared(width, 130), y: [bottom, 1.05 * top], title: "state h_t" });
    h[0].forEach((_, i) => a.line(h.map((state, t) => [t, state[i]]), `s${i * 2}`));
    if (T <= 30) h.forEach((state, t) => state.forEach((v, i) => a.dot(t, v, `f${i * 2}`, 3)));
  });

  const gradients = ui.picture(235, "Size of the gradient over time", (root, width) => {
    const sizes = now.g.map(size);
    const T = sizes.length - 1;
    const guide = sizes.map((_, t) => rho() ** (T - t));
    const powers = [...sizes, ...guide].filter((v) => v > 0).map(Math.log10);
    const low = Math.max(-16, Math.min(-2, Math.floor(Math.min(...powers))));
    const high = Math.min(16, Math.max(1, Math.ceil(Math.max(...powers))));
    const a = ui.axes(root, { ...shared(width, 192), y: [low, high], log: true,
      title: "size of the gradient |∂L/∂h_t|, logarithmic", xlabel: "time t" });
    a.line(guide.map((v, t) => (v > 0 ? [t, v] : null)), "reference");
    a.line(sizes.map((v, t) => (v > 0 ? [t, v] : null)), "s1 whole");
    sizes.forEach((v, t) => {
      const power = Math.log10(v);
      if (power >= low && power <= high) a.dot(t, v, "f1", T <= 30 ? 3.5 : 2);
    });
  });

  const story = () => {
    const [first, T] = [size(now.g[1]), now.g.length - 1];
    const says = `After ${T - 1} steps back |∂L/∂h_1| = ${ui.number(first)}`;
    if (first === 0) return `${says}: some step has slope zero, and nothing passes it.`;
    const factor = first ** (1 / (T - 1));
    const word = factor < 0.98 ? "vanishing" : factor > 1.02 ? "exploding" : "kept in size";
    return `${says}, a factor of ${ui.number(factor)} for every step: ${word}. ` +
      `Linear net: ρ = ${ui.number(rho())} for every step.`;
  };

  const sliders = Object.fromEntries(["weight", "radius", "angle", "steps"].map((name) =>
    [name, ui.slider(model, name, SPEC[name])]));
  const key = ui.html("div", {});
  const told = ui.status();
  const redraw = () => {
    now = result();
    const two = model.get("units") === 2;
    sliders.weight.hidden = two;
    sliders.radius.hidden = sliders.angle.hidden = !two;
    const units = two ? [["s0", "h_t, first unit"], ["s2", "h_t, second unit"]] : [["s0", "h_t"]];
    key.replaceChildren(ui.legend([...units, ["s1 whole", "|∂L/∂h_t|"],
      ["reference", "linear net: a factor ρ for every step"]]));
    for (const picture of [net, states, gradients]) picture.redraw();
    told.replaceChildren(...ui.rich(story()));
  };
  ui.watch(model, Object.keys(SPEC), redraw);
  const selects = ["activation", "units"].map((name) => ui.select(model, name, SPEC[name]));
  ui.mount(el, net.root, states.root, gradients.root, key, told,
    ui.html("div", { class: "controls" }, ...selects, ...Object.values(sliders)));
  redraw();
}

export default { render, maths, run, matrix };
