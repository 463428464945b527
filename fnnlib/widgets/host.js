// What a widget needs when no kernel is there: a model with the anywidget interface, state from
// and to the address of the page, and the line of buttons below the widget.
const host = (() => {
  const makeModel = (state) => {
    const listeners = new Map();
    return {
      get: (name) => state[name],
      set: (name, value) => {
        if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
        state[name] = value;
        for (const act of listeners.get(`change:${name}`) ?? []) act();
      },
      on: (event, act) => listeners.set(event, [...(listeners.get(event) ?? []), act]),
      off: (event, act) =>
        listeners.set(event, (listeners.get(event) ?? []).filter((other) => other !== act)),
      save_changes: () => {},
      send: () => {},
    };
  };

  const inside = ({ min = -Infinity, max = Infinity }, value) =>
    Math.min(max, Math.max(min, value));
  // Text from the address becomes a value like `now`, or undefined where it makes no sense.
  const parse = (text, now, spec = {}) => {
    if (Array.isArray(now)) {
      const items = text === "" ? [] : text.split(",");
      const parts = items.map((item) => parse(item, now[0] ?? "", spec));
      const fits = typeof now[0] === "number" ? parts.length === now.length : true;
      return fits && !parts.includes(undefined) ? parts : undefined;
    }
    if (typeof now === "boolean") return text === "true";
    const value = typeof now === "number" ? Number(text) : text;
    if (spec.options && !spec.options.includes(value)) return undefined;
    if (typeof value === "string") return value;
    if (!Number.isFinite(value) || text.trim() === "") return undefined;
    return inside(spec, Number.isInteger(spec.step) && !spec.log ? Math.round(value) : value);
  };

  const readLink = (key, state, SPEC) => {
    for (const [name, text] of new URLSearchParams(location.search)) {
      const trait = name.startsWith(`${key}.`) ? name.slice(key.length + 1) : "";
      if (!Object.hasOwn(SPEC, trait)) continue;
      const value = parse(text, state[trait], SPEC[trait]);
      if (value !== undefined) state[trait] = value;
    }
  };
  const link = (key, model, SPEC) => {
    const query = new URLSearchParams(location.search);
    for (const name of Object.keys(SPEC)) query.set(`${key}.${name}`, String(model.get(name)));
    return `${location.href.split(/[?#]/)[0]}?${query}#fnnlib-${key}`;
  };

  const footer = (key, model, SPEC, initial) => {
    const label = { "aria-label": "Link to this state" };
    const address = ui.html("input", { readonly: "", hidden: "", ...label });
    const told = ui.html("span", { role: "status" });
    const copy = async () => {
      address.value = link(key, model, SPEC);
      try {
        await navigator.clipboard.writeText(address.value);
        told.textContent = "Link copied.";
      } catch {
        address.hidden = false;
        address.select();
        told.textContent = "Copy this link.";
      }
    };
    const restore = () => Object.keys(SPEC).forEach((name) => ui.set(model, name, initial[name]));
    return ui.html("div", { class: "footer" },
      ui.button("Start values", restore), ui.button("Copy link", copy), address, told);
  };

  return async (container, { key, state }, widget) => {
    const { SPEC } = widget;
    const initial = structuredClone(state);
    readLink(key, state, SPEC);
    const model = makeModel(state);
    const el = container.appendChild(ui.html("div"));
    await widget.render({ model, el });
    el.append(footer(key, model, SPEC, initial));
    fnnlib.widgets[key] = { ...widget, model, el };
  };
})();
