"use strict";
// The script of the report. It makes elements and texts, never markup: all that it shows comes from files that may be hostile.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const SEVERITIES = ["info", "low", "medium", "high", "critical"];
  const WORST = ["any-tenant", "within-tenant", "undecided", "nobody", "named"];
  const SIGNS = { "any-tenant": "▲", "within-tenant": "△", named: "●", nobody: "✕", undecided: "?" };
  const WORDS = { "any-tenant": "open to other tenants", "within-tenant": "wider than named", named: "as named", nobody: "nobody", undecided: "undecided" };
  const COLUMNS = ["Issuer", "Provider", "Who", "Identity", "May"];
  const PATHS = 40; // ways that are drawn at first, and added by each "Show more"
  const ITEMS = 200; // findings and rows that are shown at first, and added likewise
  const GRANTS = 5; // permissions of one identity that are drawn
  const USES = 40; // workloads that are drawn

  const $ = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const data = JSON.parse($("data").textContent);
  const { nodes, paths, uses, grants } = data;
  const state = { text: "", severity: new Set(), admits: new Set(), system: new Set(), chosen: null, opened: [], paths: PATHS };

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  function shape(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // What the nodes have to do with each other, once.
  const rank = (severity) => SEVERITIES.indexOf(severity);
  const usesOf = new Map();
  const grantsOf = new Map();
  const pathsOf = new Map();
  const into = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));
  for (const line of uses) into(usesOf, line[1], line), into(usesOf, line[0], line);
  for (const line of grants) into(grantsOf, line[0], line);
  for (const node of nodes) if (node.k === "subject") node.t = node.t.replaceAll("`", "");
  const textOf = (node) => [node.t, node.p || "", node.c, ...node.d.map((fact) => fact[1])].join("\n").toLowerCase();
  const nodeTexts = nodes.map(textOf);
  paths.forEach((path, at) => {
    path.at = at;
    path.identity = path.n[path.n.length - 1];
    path.system = nodes[path.identity].c;
    path.rank = Math.max(-1, ...path.n.map((n) => rank(nodes[n].s)));
    for (const n of path.n) into(pathsOf, n, path);
  });
  const bySeverity = (a, b) => b.rank - a.rank || WORST.indexOf(a.a) - WORST.indexOf(b.a) || a.at - b.at;
  paths.sort(bySeverity);

  const severityFits = (severity) => state.severity.size === 0 || state.severity.has(severity);
  const systemFits = (systems) => state.system.size === 0 || systems.split(" ").some((system) => state.system.has(system));
  function pathFits(path) {
    if (state.admits.size && !state.admits.has(path.a)) return false;
    if (!systemFits(path.system)) return false;
    if (state.severity.size && !path.n.some((n) => state.severity.has(nodes[n].s))) return false;
    if (!state.text) return true;
    const drawn = [...path.n, ...(usesOf.get(path.identity) || []).map((line) => line[0])];
    return drawn.some((n) => nodeTexts[n].includes(state.text)) || (grantsOf.get(path.identity) || []).some((line) => nodeTexts[line[1]].includes(state.text));
  }

  // The picture.
  const neighbours = new Map();
  let drawn = new Map();

  function reached(node) {
    const out = new Set(pathsOf.get(node) || []);
    for (const line of usesOf.get(node) || []) for (const path of pathsOf.get(line[1]) || []) out.add(path);
    if (nodes[node].k === "permission") {
      for (const line of grants) if (line[1] === node) for (const path of pathsOf.get(line[0]) || []) out.add(path);
    }
    return out;
  }

  // What many ways have in common, from the outside in: whose tokens and who is admitted, then the folders of the identities.
  const folder = (deep) => (path) => (nodes[path.identity].p || "").split("/").slice(0, -1).slice(0, deep).join("/") || ".";
  const LEVELS = [(path) => nodes[path.n[0]].t + "\n" + path.a, folder(1), folder(2), folder(3), folder(4)];
  const made = new Map(); // the nodes that stand for groups, by what the group is

  function groupOf(level, key, some) {
    const id = level + "\n" + key + "\n" + some.length + "\n" + some[0].at;
    if (!made.has(id)) {
      const identities = new Set(some.map((path) => path.identity)).size;
      const [first] = some, worst = SEVERITIES[Math.max(...some.map((path) => path.rank))] || null;
      const ways = some.length.toLocaleString("en") + " ways", named = level ? key : WORDS[first.a];
      const order = nodes[first.identity].o;
      const common = { k: "group", c: "", p: null, f: [], m: 0, g: { level, key }, o: order };
      const who = nodes.push({ ...common, l: 2, t: named, d: [["ways", ways]], a: first.a, s: worst }) - 1;
      const what = nodes.push({ ...common, l: 3, t: identities.toLocaleString("en") + (identities === 1 ? " identity" : " identities"), d: [["open", "open this group"]], a: null, s: null }) - 1;
      nodeTexts[who] = nodeTexts[what] = "";
      made.set(id, { n: [first.n[0], who, what], a: first.a, rank: first.rank, at: first.at, identity: what, size: some.length });
    }
    return made.get(id);
  }

  // Ways that are too many to draw, in groups; those of the group that was opened.
  function grouped(fitting) {
    for (const { level, key } of state.opened) fitting = fitting.filter((path) => LEVELS[level](path) === key);
    const last = state.opened[state.opened.length - 1];
    for (let level = last ? last.level + 1 : 0; level < LEVELS.length && fitting.length > PATHS; level++) {
      const groups = new Map();
      for (const path of fitting) into(groups, LEVELS[level](path), path);
      if (groups.size > 1) return { fitting, groups: [...groups].map(([key, some]) => groupOf(level, key, some)).sort(bySeverity) };
    }
    return { fitting, groups: null };
  }

  function choice() {
    const fitting = paths.filter(pathFits);
    if (state.chosen === null) {
      const { fitting: some, groups } = grouped(fitting);
      return { fitting: groups || some, whole: fitting, ways: some.length, groups: groups !== null };
    }
    // A large picture becomes that of what was chosen.
    if (fitting.length <= state.paths) return { fitting, whole: fitting };
    const near = reached(state.chosen);
    return { fitting: fitting.filter((path) => near.has(path)), whole: fitting };
  }

  function draw() {
    const { fitting, whole, ways, groups } = choice();
    const shown = fitting.slice(0, state.paths);
    const lines = new Map();
    const visible = new Set();
    const add = (from, to, kind, label) => {
      const key = from + " " + to;
      const known = lines.get(key);
      if (!known || (kind !== "plain" && WORST.indexOf(kind) < WORST.indexOf(known.kind))) lines.set(key, { from, to, kind, label });
      visible.add(from).add(to);
    };
    for (const path of shown) {
      path.n.forEach((n, at) => {
        visible.add(n);
        if (at > 0) add(path.n[at - 1], n, at + 2 >= path.n.length ? path.a : "plain", "");
      });
    }
    const unfiltered = !state.text && !state.admits.size && !state.severity.size && !state.system.size;
    if ($("workloads").checked) {
      let left = USES;
      for (const line of uses) {
        const near = visible.has(line[1]) || line[0] === state.chosen || line[1] === state.chosen;
        if ((near || (unfiltered && paths.length <= PATHS)) && left-- > 0) add(line[0], line[1], "uses", line[2]);
      }
    }
    if ($("permissions").checked || (state.chosen !== null && nodes[state.chosen].k === "permission")) {
      for (const n of [...visible].filter((n) => nodes[n].k === "identity")) {
        for (const line of (grantsOf.get(n) || []).slice(0, GRANTS)) add(n, line[1], "plain", line[2]);
        for (const line of grantsOf.get(n) || []) if (line[1] === state.chosen) add(n, line[1], "plain", line[2]);
      }
    }
    if (state.chosen !== null) visible.add(state.chosen);
    paint(visible, [...lines.values()]);
    const of = !groups && fitting.length < whole.length ? "through what is chosen" : whole.length < paths.length ? "that fit" : "in all";
    const worst = shown.length < fitting.length ? ", the worst first" : "";
    const opened = state.opened.length ? "in the group that is open" : of;
    const told = groups
      ? ways.toLocaleString("en") + " ways to an identity " + opened + ", in " + (shown.length < fitting.length ? shown.length + " of " : "") + fitting.length + " groups" + worst + ": open one"
      : shown.length + " of " + fitting.length + " ways to an identity " + opened + worst;
    $("graph-status").textContent = paths.length ? told : "";
    $("graph-further").hidden = shown.length >= fitting.length;
    $("whole").hidden = state.chosen === null && state.opened.length === 0;
  }

  function paint(visible, lines) {
    const picture = $("picture");
    const focus = picture.contains(document.activeElement) ? document.activeElement.dataset.n : null;
    if (visible.size === 0) {
      picture.replaceChildren(element("p", { class: "empty" }, paths.length ? "Nothing fits the filter." : "No trust was found."));
      drawn = new Map();
      return;
    }
    const rows = COLUMNS.map(() => []);
    for (const n of visible) rows[nodes[n].l].push(n);
    const used = rows.map((row, at) => at).filter((at) => rows[at].length);
    const room = Math.max(picture.clientWidth - 2, 300);
    const least = Math.max(34, Math.min(84, room / 20)), height = 42, pad = 14, step = height + 12, top = 6;
    const width = Math.max(158, Math.min(300, (room - 2 * pad - least * (used.length - 1)) / used.length));
    const gap = Math.max(least, Math.min(220, (room - 2 * pad - width * used.length) / Math.max(1, used.length - 1)));
    rows.forEach((row) => row.sort((a, b) => nodes[a].o - nodes[b].o));
    const y = places(rows, lines, step);
    const x = (n) => pad + used.indexOf(nodes[n].l) * (width + gap);
    const tall = top + Math.max(...[...y.values()]) + height + pad;
    const wide = 2 * pad + used.length * width + gap * (used.length - 1);
    const svg = shape("svg", { width: wide, height: tall, viewBox: "0 0 " + wide + " " + tall, role: "group", "aria-label": "Graph of trusts" });
    const columns = shape("svg", { class: "columns", width: wide, height: 32, "aria-hidden": "true" });
    used.forEach((layer, at) => columns.append(shape("text", { class: "column", x: pad + at * (width + gap) + 2, y: 21 }, COLUMNS[layer])));
    const near = kin(lines);
    neighbours.clear();
    for (const line of lines) {
      into(neighbours, line.from, line.to), into(neighbours, line.to, line.from);
      const from = [x(line.from) + width, y.get(line.from) + top + height / 2], to = [x(line.to), y.get(line.to) + top + height / 2];
      // The line stays straight through the layers that it skips.
      const bend = Math.min(gap, 110, (to[0] - from[0]) / 2);
      const end = to[0] - bend;
      const way = "M" + from[0] + " " + from[1] + "H" + (end - bend > from[0] ? end - bend : from[0]) + "C" + (end) + " " + from[1] + " " + end + " " + to[1] + " " + to[0] + " " + to[1];
      const edge = shape("path", { d: way, class: "edge " + line.kind + (near && !(near.has(line.from) && near.has(line.to)) ? " faded" : "") });
      const words = nodes[line.from].t + " → " + nodes[line.to].t + ": " + (WORDS[line.kind] || line.label || "is trusted through");
      edge.append(shape("title", {}, words));
      svg.append(edge);
    }
    drawn = new Map();
    let first = true;
    for (const n of rows.flat()) {
      const made = box(n, x(n), y.get(n) + top, width, height);
      if (near && !near.has(n)) made.classList.add("faded");
      made.setAttribute("tabindex", (focus !== null ? String(n) === focus : state.chosen !== null ? n === state.chosen : first) ? "0" : "-1");
      first = false;
      drawn.set(n, { made, x: x(n), y: y.get(n) });
      svg.append(made);
    }
    if (![...drawn.values()].some((one) => one.made.getAttribute("tabindex") === "0")) [...drawn.values()][0].made.setAttribute("tabindex", "0");
    picture.replaceChildren(columns, svg);
    if (focus !== null && drawn.has(Number(focus))) drawn.get(Number(focus)).made.focus({ preventScroll: true });
  }

  // All that can be reached from what is chosen, to the left and to the right.
  function kin(lines) {
    if (state.chosen === null) return null;
    const out = new Set([state.chosen]);
    for (const [from, to] of [["from", "to"], ["to", "from"]]) {
      const next = new Map();
      for (const line of lines) into(next, line[from], line[to]);
      const todo = [state.chosen], seen = new Set(todo);
      while (todo.length) {
        for (const n of next.get(todo.pop()) || []) if (!seen.has(n)) seen.add(n), todo.push(n);
      }
      for (const n of seen) out.add(n);
    }
    return out;
  }

  // The heights: in the order that is given, each near the middle of what it is joined to.
  function places(rows, lines, step) {
    const y = new Map();
    rows.forEach((row) => row.forEach((n, at) => y.set(n, at * step)));
    const joined = new Map();
    for (const line of lines) into(joined, line.from, line.to), into(joined, line.to, line.from);
    for (let sweep = 0; sweep < 12; sweep++) {
      for (const row of sweep % 2 ? rows : [...rows].reverse()) {
        const wish = row.map((n) => {
          const of = joined.get(n);
          return of ? of.reduce((sum, other) => sum + y.get(other), 0) / of.length : y.get(n);
        });
        // Runs that wish for the same room share it (pool adjacent violators).
        const runs = [];
        wish.forEach((w, at) => {
          runs.push({ sum: w - at * step, n: 1 });
          while (runs.length > 1 && runs[runs.length - 2].sum / runs[runs.length - 2].n >= runs[runs.length - 1].sum / runs[runs.length - 1].n) {
            const last = runs.pop();
            runs[runs.length - 1].sum += last.sum, (runs[runs.length - 1].n += last.n);
          }
        });
        let at = 0;
        for (const run of runs) for (let i = 0; i < run.n; i++, at++) y.set(row[at], run.sum / run.n + at * step);
      }
    }
    const least = Math.min(...y.values());
    for (const [n, value] of y) y.set(n, Math.round(value - least));
    return y;
  }

  function fit(text, width, size) {
    const room = Math.max(6, Math.floor(width / size));
    const letters = Array.from(text);
    if (letters.length <= room) return text;
    const head = Math.ceil((room - 1) * 0.45);
    return letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (room - 1 - head)).join("");
  }

  const bare = (text) => text.replaceAll("`", "");

  function caption(node) {
    const told = node.d.length ? node.d[0][1].split("\n")[0] : "";
    if (node.k === "group") return told;
    if (node.k === "subject") return told && bare(told) !== node.t ? told : WORDS[node.a];
    if (node.k === "identity" || node.k === "provider") return [node.c, node.p].filter(Boolean).join(" · ");
    if (node.k === "workload") return [told || node.c, node.p].filter(Boolean).join(" · ");
    return node.k;
  }

  function box(n, x, y, width, height) {
    const node = nodes[n];
    const kinds = ["node", node.k, node.a || "", node.s || ""].filter(Boolean);
    const sign = node.a ? SIGNS[node.a] : node.m ? String(node.m) : "";
    const words = [node.k, node.t, node.a ? WORDS[node.a] : "", node.m ? node.m + (node.m === 1 ? " finding" : " findings") + ", worst " + node.s : "", node.p || ""];
    const made = shape("g", { class: kinds.join(" ") + (n === state.chosen ? " chosen" : ""), role: "button", "data-n": n, transform: "translate(" + x + " " + y + ")", "aria-label": words.filter(Boolean).join(", ") });
    made.append(shape("rect", { width, height, rx: node.k === "issuer" ? height / 2 : 4 }));
    const inset = node.k === "issuer" ? 18 : 11;
    if (node.s) made.append(shape("rect", { class: "bar", width: 4, height: height - 2, x: 1, y: 1, rx: 2 }));
    const small = caption(node) !== node.k || node.k === "permission";
    const room = width - inset - 10 - (sign ? 18 : 0);
    if (small && node.k !== "permission") {
      made.append(shape("text", { class: "caption", x: inset, y: 16 }, fit(caption(node), room, 5.9)));
      made.append(shape("text", { class: "label", x: inset, y: 32 }, fit(node.t, width - inset - 8, 7)));
    } else {
      made.append(shape("text", { class: "label", x: inset, y: 25 }, fit(node.t, width - inset - 8, 7)));
    }
    if (sign) made.append(shape("text", { class: "sign", x: width - 9, y: 16 }, sign));
    made.append(shape("title", {}, [node.t, caption(node), node.s ? node.m + " × up to " + node.s : ""].filter(Boolean).join("\n")));
    return made;
  }

  // What is chosen; a group is opened.
  function choose(n, follow) {
    if (n !== null && nodes[n].k === "group") {
      state.opened.push(nodes[n].g);
      n = null;
    } else if (n === null && state.chosen === null) state.opened = [];
    state.chosen = n;
    state.paths = PATHS;
    draw();
    details();
    if (n !== null && drawn.has(n)) {
      const { made } = drawn.get(n);
      for (const one of drawn.values()) one.made.setAttribute("tabindex", one.made === made ? "0" : "-1");
      if (follow) {
        $("graph").scrollIntoView({ block: "start" });
        made.focus({ preventScroll: true });
      }
      const place = drawn.get(n), picture = $("picture");
      picture.scrollTo({ top: place.y - picture.clientHeight / 2, left: place.x - picture.clientWidth / 2 });
    }
  }

  function details() {
    const panel = $("details");
    panel.hidden = state.chosen === null;
    if (state.chosen === null) return;
    const node = nodes[state.chosen];
    const close = element("button", { type: "button", class: "link close" }, "Close");
    close.addEventListener("click", () => choose(null));
    const facts = [];
    const fact = (name, ...what) => facts.push(element("dt", {}, name), element("dd", {}, ...what));
    if (node.a) fact("verdict", element("span", { class: "admits " + node.a }, SIGNS[node.a] + " "), WORDS[node.a]);
    if (node.p) fact("declared", element("code", {}, node.p));
    for (const [name, text] of node.d) fact(name, name === "admits" ? text : element("code", {}, text));
    const link = (other) => {
      const made = element("button", { type: "button", class: "link name" }, nodes[other].t);
      made.addEventListener("click", () => choose(other, true));
      return made;
    };
    const list = (name, some) => {
      if (!some.length) return;
      const items = some.slice(0, 12).map((item) => element("div", {}, ...item));
      if (some.length > 12) items.push(element("div", { class: "soft" }, "and " + (some.length - 12) + " more"));
      fact(name, ...items);
    };
    const own = pathsOf.get(state.chosen) || [];
    if (node.k === "identity") list("had by", own.map((path) => [element("span", { class: "admits " + path.a }, SIGNS[path.a] + " "), link(path.n[path.n.length - 2])]));
    else list("leads to", [...new Set(own.map((path) => path.identity))].map((other) => [link(other)]));
    const lines = usesOf.get(state.chosen) || [];
    list(node.k === "workload" ? "wants" : "wanted by", lines.map((line) => [link(line[0] === state.chosen ? line[1] : line[0])]));
    list("may", (grantsOf.get(state.chosen) || []).map((line) => [element("code", {}, nodes[line[1]].t), line[2] ? " " + line[2] : ""]));
    list("findings", (node.f || []).map((at) => {
      const finding = $("f" + at);
      const what = finding ? finding.querySelector(".what").textContent : "";
      const name = finding ? finding.querySelector(".rule").textContent : "finding";
      const severity = finding ? finding.dataset.s : "";
      return [element("span", { class: "badge " + severity }, severity), " ", element("a", { href: "#f" + at }, name), " ", what];
    }));
    panel.replaceChildren(close, element("p", { class: "kind" }, node.k + (node.c ? " · " + node.c : "")), element("h3", {}, node.t), element("dl", {}, ...facts));
  }

  function walk(event) {
    const at = event.target.closest && event.target.closest(".node");
    if (!at) return;
    const n = Number(at.dataset.n);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(n === state.chosen ? null : n);
      if (!drawn.has(n)) [...drawn.values()].find((one) => one.made.getAttribute("tabindex") === "0").made.focus();
      return;
    }
    const here = drawn.get(n);
    let others = [];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const down = event.key === "ArrowDown";
      others = [...drawn.entries()].filter(([other, one]) => nodes[other].l === nodes[n].l && (down ? one.y > here.y : one.y < here.y));
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const right = event.key === "ArrowRight";
      others = (neighbours.get(n) || []).filter((other) => (right ? drawn.get(other).x > here.x : drawn.get(other).x < here.x)).map((other) => [other, drawn.get(other)]);
    } else if (event.key === "Home" || event.key === "End") {
      const column = [...drawn.entries()].filter(([other]) => nodes[other].l === nodes[n].l);
      others = [event.key === "Home" ? column[0] : column[column.length - 1]];
    } else return;
    event.preventDefault();
    if (!others.length) return;
    others.sort((a, b) => Math.abs(a[1].y - here.y) - Math.abs(b[1].y - here.y));
    at.setAttribute("tabindex", "-1");
    const next = others[0][1].made;
    next.setAttribute("tabindex", "0");
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Lists that show a part of what fits.
  function lister(items, fits, noun, further, status) {
    let most = ITEMS;
    const texts = new Map();
    const text = (item) => {
      if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
      return texts.get(item);
    };
    const show = () => {
      let fitting = 0;
      for (const item of items) {
        const fit = fits(item) && (!state.text || text(item).includes(state.text));
        if (fit) fitting++;
        item.hidden = !fit || fitting > most;
      }
      further.hidden = fitting <= most;
      const shown = Math.min(fitting, most);
      status.textContent = items.length ? (shown < fitting ? shown + " shown, " : "") + fitting + " of " + items.length + " " + noun : "";
    };
    further.addEventListener("click", () => { most += ITEMS; show(); after(); });
    return { show, renew: () => { most = ITEMS; show(); }, whole: (on) => { most = on ? Infinity : ITEMS; show(); }, items };
  }
  const findings = lister(all(".finding"), (item) => severityFits(item.dataset.s) && systemFits(item.dataset.c), "findings", $("findings-further"), $("findings-status"));
  const rowFits = (item) => (!state.admits.size || state.admits.has(item.dataset.a)) && systemFits(item.dataset.c) && severityFits(item.dataset.s);
  const inventory = lister(all("#inventory-table tbody tr"), rowFits, "ways to an identity", $("inventory-further"), $("inventory-status"));
  function after() {
    for (const group of all(".group")) group.hidden = !group.querySelector(".finding:not([hidden])");
  }

  function update() {
    state.paths = PATHS;
    state.opened = [];
    findings.renew();
    inventory.renew();
    after();
    draw();
  }

  for (const button of all(".sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), down = head.getAttribute("aria-sort") === "ascending";
      for (const other of all("#inventory-table thead th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const column = Number(button.dataset.column), body = document.querySelector("#inventory-table tbody");
      const key = (row) => (column === 1 ? String(WORST.indexOf(row.dataset.a)) : "") + row.cells[column].textContent;
      const order = new Intl.Collator("en", { numeric: true }).compare;
      const keyed = inventory.items.map((row) => [key(row), row]).sort((a, b) => order(a[0], b[0]) * (down ? -1 : 1));
      inventory.items.splice(0, inventory.items.length, ...keyed.map((one) => one[1]));
      body.append(...inventory.items);
      inventory.show();
    });
  }

  const systems = [...new Set([...nodes.filter((n) => n.k === "identity").map((n) => n.c), ...findings.items.flatMap((item) => item.dataset.c.split(" "))])].filter(Boolean).sort();
  $("systems").hidden = systems.length < 2;
  for (const system of systems) {
    $("systems").append(element("button", { type: "button", class: "chip", "aria-pressed": "false", "data-of": "system", "data-value": system }, system));
  }

  let waiting = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.text = $("search").value.trim().toLowerCase(); state.chosen = null; details(); update(); }, 120);
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) {
      const on = chip.getAttribute("aria-pressed") !== "true", set = state[chip.dataset.of];
      chip.setAttribute("aria-pressed", String(on));
      if (on) set.add(chip.dataset.value); else set.delete(chip.dataset.value);
      return update();
    }
    const named = event.target.closest("[data-node]");
    if (named) return choose(Number(named.dataset.node), true);
    const node = event.target.closest(".node");
    if (node) return choose(Number(node.dataset.n) === state.chosen ? null : Number(node.dataset.n));
    const copy = event.target.closest(".copy");
    if (copy) copied(copy);
    const link = event.target.closest("a[href^='#f']");
    if (link) reveal(link.getAttribute("href").slice(1));
  });
  function reveal(id) {
    const finding = /^f\d+$/.test(id) && $(id);
    if (!finding) return;
    finding.hidden = false;
    finding.closest(".group").hidden = false;
    finding.open = true;
    finding.scrollIntoView({ block: "start" });
  }
  function copied(button) {
    const text = button.parentElement.nextElementSibling;
    const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    const mark = () => getSelection().selectAllChildren(text);
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent.trim()).then(done, mark); else mark();
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type === "search";
    if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    else if (event.key === "Escape" && (state.chosen !== null || state.opened.length)) {
      const was = state.chosen, inside = $("picture").contains(document.activeElement);
      choose(null);
      if (drawn.has(was)) drawn.get(was).made.focus();
      else if (inside) [...drawn.values()][0].made.focus();
    }
  });
  $("picture").addEventListener("keydown", walk);
  $("whole").addEventListener("click", () => { state.opened = []; choose(null); });
  $("graph-further").addEventListener("click", () => { state.paths += PATHS; draw(); });
  for (const id of ["permissions", "workloads"]) $(id).addEventListener("change", draw);
  if (paths.length <= 12) $("permissions").checked = true;

  // Light or dark: what the system says, until somebody says otherwise.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  const name = () => { $("theme").textContent = theme() === "dark" ? "Light" : "Dark"; };
  $("theme").addEventListener("click", () => { document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();

  // On paper there is nothing to open.
  let opened = [];
  addEventListener("beforeprint", () => {
    findings.whole(true), inventory.whole(true), after();
    opened = all("details:not([open])");
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    findings.whole(false), inventory.whole(false), after();
  });
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(draw, 150); });
  addEventListener("hashchange", () => reveal(location.hash.slice(1)));

  document.documentElement.classList.add("live");
  update();
  reveal(location.hash.slice(1));
})();
