// Drawing shared by all widgets: axes, lines, bars and words as SVG. No third-party code.
const plot = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const html = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS(NS, tag), attributes, children);

  // "h_t" and "h_{t+1}" are written with subscripts.
  const pieces = (text) => text.split(/(_\{[^}]*\}|_\w)/).filter(Boolean).map((part) =>
    part[0] === "_" && part.length > 1 ? [part.replace(/[_{}]/g, ""), true] : [part, false]);
  const rich = (text) => pieces(text).map(([part, sub]) => (sub ? html("sub", {}, part) : part));
  const richSvg = (text) => {
    let lowered = false;
    return pieces(text).map(([part, sub]) => {
      const shift = sub ? { dy: "0.3em", "font-size": "75%" } : lowered ? { dy: "-0.225em" } : {};
      lowered = sub;
      return svg("tspan", shift, part);
    });
  };

  const superscript = (n) =>
    String(n).replace(/[-\d]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  // Three digits, a true minus sign, and never a word such as Infinity.
  const number = (value, digits = 3) => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 1e5 || size < 1e-3) {
      const [mantissa, exponent] = value.toExponential(1).split("e");
      return `${mantissa.replace("-", "−")}·10${superscript(Number(exponent))}`;
    }
    const text = size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits);
    return text.replace("-", "−");
  };
  const tickText = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

  const ticks = (low, high, count) => {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9; k++) found.push(k * step);
    return found;
  };
  const decades = (low, high) => {
    const stride = Math.ceil((high - low) / 6);
    return ticks(low, high, high - low).filter((k) => Number.isInteger(k) && k % stride === 0);
  };

  // Axes in a box. With `log`, the range of y is given in powers of ten.
  const axes = (root, { box, x, y, title, xlabel = "", log = false, xticks, yticks }) => {
    const [left, top, right, bottom] = box;
    const X = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (right - left);
    const height = (v) => bottom - ((v - y[0]) / (y[1] - y[0])) * (bottom - top);
    const Y = log ? (v) => height(Math.log10(Math.max(Math.abs(v), 1e-300))) : height;
    const frame = svg("g", { class: "axes" });
    const [wide, high] = [right - left, bottom - top];
    const word = (text, x, y, anchor) =>
      svg("text", { x, y, "text-anchor": anchor }, ...richSvg(text));
    for (const v of yticks ?? (log ? decades(...y) : ticks(...y, high / 36))) {
      const [at, style] = [height(v), v === 0 && !log ? "zero" : "grid"];
      frame.append(
        svg("path", { class: style, d: `M${left} ${at.toFixed(1)}H${right}` }),
        word(log ? `10${superscript(v)}` : tickText(v), left - 6, at + 4, "end"));
    }
    for (const [v, label] of xticks ?? ticks(...x, wide / 60).map((v) => [v, tickText(v)])) {
      frame.append(
        svg("path", { class: "tick", d: `M${X(v).toFixed(1)} ${bottom}v4` }),
        word(label, X(v), bottom + 17, "middle"));
    }
    frame.append(
      svg("path", { class: "rim", d: `M${left} ${bottom}H${right}` }),
      svg("text", { class: "title", x: 4, y: top - 12 }, ...richSvg(title)),
      word(xlabel, (left + right) / 2, bottom + 33, "middle"));
    const viewBox = `${left} ${top} ${wide} ${high}`;
    const inside = svg("svg", { x: left, y: top, width: wide, height: high, viewBox });
    root.append(frame, inside);
    const put = (node, parent = root) => (parent.append(node), node);
    return {
      X, Y, frame, inside, box,
      // Points that are null or not finite break the line.
      line: (points, style) => {
        let pen = "M";
        const d = points.map((p) => {
          if (!p || !p.every(Number.isFinite)) return (pen = "M"), "";
          const command = `${pen}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`;
          pen = "L";
          return command;
        });
        return put(svg("path", { class: `line ${style}`, d: d.join("") }), inside);
      },
      dot: (px, py, style, r = 4.5) =>
        put(svg("circle", { class: `dot ${style}`, cx: X(px), cy: Y(py), r })),
      band: (from, to, style) => put(svg("rect", {
        class: style, x: X(from), y: top, width: X(to) - X(from), height: high }), inside),
      bar: (centre, width, value, style) => put(svg("rect", {
        class: `bar ${style}`, x: X(centre) - width / 2, width, y: Math.min(Y(0), Y(value)),
        height: Math.abs(Y(value) - Y(0)) }), inside),
      text: (px, py, content, attributes = {}) =>
        put(svg("text", { x: px, y: py, ...attributes }, ...richSvg(content))),
    };
  };

  // A picture redrawn at its real width, so that text keeps its size on a phone.
  const picture = (height, label, draw) => {
    const root = svg("svg", { role: "img", "aria-label": label });
    let width = 0;
    const redraw = () => {
      if (!width) return;
      root.setAttribute("viewBox", `0 0 ${width} ${height}`);
      root.replaceChildren();
      draw(root, width, height);
    };
    new ResizeObserver(([entry]) => {
      const now = Math.round(entry.contentRect.width);
      if (now !== width) (width = now), redraw();
    }).observe(root);
    return { root, redraw };
  };

  return { html, svg, rich, richSvg, number, tickText, axes, picture };
})();
