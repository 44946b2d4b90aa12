"use strict";
// The page of a fleet. Everything a host or a person wrote goes in as text nodes; nothing is parsed as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = (names) => Object.fromEntries(names.map((name, place) => [name, place]));
  const SHAPE = columns(data.columns.shape);
  const PLACE = columns(data.columns.place);
  const OWN = columns(data.columns.own);
  const FINDING = columns(data.columns.finding);
  const NO_ANSWER = -1;
  const ROWS_AT_ONCE = 100;
  const VERDICTS = {
    ready: { word: "Ready", mark: "\u2713", text: "can be passed through now" },
    after: { word: "After", mark: "\u25d4", text: "could be, after something" },
    no: { word: "Never", mark: "\u2715", text: "must not be" },
  };
  const STATES = {
    failed: { word: "failed", mark: "\u2715", look: "failed" },
    "pending reboot": { word: "pending reboot", mark: "\u21bb", look: "pending" },
    ok: { word: "ok", mark: "\u2713", look: "ok" },
    "": { word: "not checked", mark: "\u2013", look: "" },
  };
  const RANKS = Object.keys(STATES);
  const WAY = ["auto", "light", "dark"];
  const at = (id) => document.getElementById(id);
  const order = new Intl.Collator("en", { numeric: true });
  const number = new Intl.NumberFormat("en");

  // ---- elements

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  const count = (many, word) => `${number.format(many)} ${word}${many === 1 ? "" : "s"}`;
  const mark = (text) => el("span", { "aria-hidden": "true" }, text);
  const quiet = (...children) => el("span", { class: "quiet" }, ...children);

  function verdictBadge(verdict) {
    const { word, mark: sign, text } = VERDICTS[verdict];
    return el("span", { class: `badge ${verdict}`, title: text }, mark(sign), ` ${word}`);
  }

  function stateBadge(state, many) {
    const { word, mark: sign, look } = STATES[state] || STATES[""];
    return el("span", { class: `badge ${look}` }, mark(sign), ` ${word}${many > 1 ? ` (${many})` : ""}`);
  }

  // ---- the fleet

  function counted(list) {
    const found = { ready: 0, after: 0, no: 0, wanted: 0, all: list.length / 3 };
    for (let place = 0; place < list.length; place += 3) {
      const shape = data.shapes[list[place]];
      if (shape[SHAPE.wanted]) {
        found[shape[SHAPE.verdict]] += 1;
        found.wanted += 1;
      }
    }
    return found;
  }

  const lists = data.devices.map(counted);
  const nobody = counted([]);
  const hosts = data.hosts.map(([name, machine, devices, kind, findings]) => {
    const states = findings.map((one) => data.findings[one][FINDING.state]);
    const machineOf = machine >= 0 ? data.machines[machine] : null;
    return {
      name, kind, findings, devices, machine: machineOf, answered: machine >= 0, asked: machine >= NO_ANSWER,
      counts: devices >= 0 ? lists[devices] : nobody,
      state: RANKS.find((state) => states.includes(state)) ?? (findings.length ? "ok" : ""),
      words: [name, machineOf ? `${machineOf.kernel_release} ${iommuWords(machineOf)}` : "no answer"].join(" ").toLowerCase(),
    };
  });
  hosts.sort((one, other) => order.compare(one.name, other.name)).forEach((host, rank) => { host.rank = rank; });
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const kinds = new Map();
  for (const host of hosts) if (host.kind >= 0) kinds.set(host.kind, [...(kinds.get(host.kind) || []), host]);

  function iommuWords(machine) {
    const { enabled, kind } = machine.iommu;
    return enabled ? `on${kind ? ` (${kind})` : ""}` : "off";
  }

  function iommuOf(host) {
    if (!host.asked) return "\u2013";
    return host.answered ? iommuWords(host.machine) : "no answer";
  }

  const ids = (shape) => `${shape[SHAPE.vendor_id] || "????"}:${shape[SHAPE.product_id] || "????"}`;
  const nameOf = (shape) => shape[SHAPE.name] || shape[SHAPE.kind];

  // ---- search: a word is looked for once in each thing of the page, not once on each host

  const texts = {
    shapes: data.shapes.map((shape) => [
      ids(shape), shape[SHAPE.name], shape[SHAPE.kind], shape[SHAPE.device_type], shape[SHAPE.driver], shape[SHAPE.verdict],
      VERDICTS[shape[SHAPE.verdict]].word, shape[SHAPE.override], ...shape[SHAPE.because],
    ].join(" ").toLowerCase()),
    places: data.places.map((place) => place[PLACE.address].toLowerCase()),
    owns: data.owns.map((own) => own.flat(3).join(" ").toLowerCase()),
    findings: data.findings.map((finding) => finding.join(" ").toLowerCase()),
  };

  function searchFor(word) {
    const holds = (list) => Uint8Array.from(list, (text) => (text.includes(word) ? 1 : 0));
    return { word, shapes: holds(texts.shapes), places: holds(texts.places), owns: holds(texts.owns), findings: holds(texts.findings) };
  }

  function matcher(view) {
    const words = view.q.toLowerCase().split(/\s+/).filter(Boolean).map(searchFor);
    const narrowed = Boolean(view.verdict || view.kind || view.vendor);
    const fits = Uint8Array.from(data.shapes, (shape) => (
      (!narrowed || shape[SHAPE.wanted])
      && (!view.verdict || shape[SHAPE.verdict] === view.verdict)
      && (!view.kind || shape[SHAPE.kind] === view.kind)
      && (!view.vendor || shape[SHAPE.vendor_id] === view.vendor) ? 1 : 0
    ));
    const known = new Map();

    function holds(list, place, asked) {
      if (!fits[list[place]]) return false;
      return asked.every((one) => one.shapes[list[place]] || one.places[list[place + 1]] || one.owns[list[place + 2]]);
    }

    function many(host, asked) {
      const key = `${host.devices} ${asked.map((one) => one.word).join(" ")}`;
      if (!known.has(key)) {
        const list = data.devices[host.devices];
        let found = 0;
        for (let place = 0; place < list.length; place += 3) if (holds(list, place, asked)) found += 1;
        known.set(key, found);
      }
      return known.get(key);
    }

    const asksOf = (host) => words.filter((one) => !host.words.includes(one.word));
    return {
      active: narrowed || words.length > 0,
      /** How many of the host's devices fit; null when the host itself does not. */
      host(host) {
        if (view.state !== null && host.state !== view.state) return null;
        if (view.differ && host.kind === 0) return null;
        const asked = asksOf(host);
        const found = host.devices >= 0 ? many(host, asked) : 0;
        if (found || (!narrowed && !asked.length)) return found;
        const told = !narrowed && asked.every((one) => host.findings.some((finding) => one.findings[finding]));
        return told ? 0 : null;
      },
      device: (host, place) => holds(data.devices[host.devices], place, asksOf(host)),
    };
  }

  // ---- what is looked at, and its address

  const view = { q: "", verdict: "", kind: "", vendor: "", state: null, differ: false, grouped: false, sort: "name", down: false, host: "" };

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    view.q = given.get("q") || "";
    view.verdict = given.get("verdict") in VERDICTS ? given.get("verdict") : "";
    view.kind = given.get("kind") || "";
    view.vendor = given.get("vendor") || "";
    view.state = data.verified && given.has("state") ? given.get("state") : null;
    view.differ = given.has("differ");
    view.grouped = given.has("grouped");
    view.host = byName.has(given.get("host")) ? given.get("host") : "";
  }

  function address(host) {
    const words = new URLSearchParams();
    if (host) words.set("host", host);
    for (const name of ["q", "verdict", "kind", "vendor"]) if (view[name]) words.set(name, view[name]);
    if (view.state !== null) words.set("state", view.state);
    for (const name of ["differ", "grouped"]) if (view[name]) words.set(name, "1");
    return `#${words}`;
  }

  function open(name, focus) {
    view.host = name;
    history.pushState(null, "", address(name));
    showDetail();
    markRow();
    if (focus) at("detail-title").focus();
  }

  // ---- the table of hosts

  const HEADS = [
    ["name", "Host", (row) => row.first.rank],
    ["iommu", "IOMMU", (row) => iommuOf(row.first)],
    ["ready", "Ready", (row) => row.first.counts.ready],
    ["after", "After", (row) => row.first.counts.after],
    ["no", "Never", (row) => row.first.counts.no],
    ...(data.verified ? [["state", "Findings", (row) => RANKS.indexOf(row.state)]] : []),
  ];
  let shown = [];
  let drawn = 0;

  function heads() {
    at("heads").replaceChildren(...HEADS.map(([key, word]) => el(
      "th",
      { scope: "col", class: key in VERDICTS ? "number" : null, "aria-sort": view.sort === key ? (view.down ? "descending" : "ascending") : null },
      el("button", { type: "button", onclick: () => sortBy(key) }, word),
    )));
  }

  function sortBy(key) {
    view.down = view.sort === key ? !view.down : key in VERDICTS;
    view.sort = key;
    heads();
    refresh();
    at("heads").children[HEADS.findIndex(([name]) => name === key)].firstChild.focus();
  }

  function rowsOf(found) {
    if (!view.grouped) return found.map((host) => ({ first: host, hosts: [host], state: host.state }));
    const rows = new Map();
    for (const host of found) {
      const key = host.kind >= 0 ? host.kind : `alone ${host.name}`;
      if (!rows.has(key)) rows.set(key, { first: host, hosts: [], state: "" });
      const row = rows.get(key);
      row.hosts.push(host);
      row.state = RANKS[Math.min(RANKS.indexOf(row.state), RANKS.indexOf(host.state))];
    }
    return [...rows.values()];
  }

  function refresh() {
    const match = matcher(view);
    let devices = 0;
    const found = hosts.filter((host) => {
      const many = match.host(host);
      if (many === null) return false;
      devices += match.active ? many : host.counts.all;
      return true;
    });
    shown = rowsOf(found);
    const value = HEADS.find(([key]) => key === view.sort)[2];
    const sign = view.down ? -1 : 1;
    shown.sort((one, other) => {
      const [left, right] = [value(one), value(other)];
      return sign * (typeof left === "string" ? order.compare(left, right) : left - right) || one.first.rank - other.first.rank;
    });
    drawn = 0;
    at("rows").replaceChildren();
    drawMore();
    at("nothing").hidden = shown.length > 0;
    at("count").textContent = `${found.length === hosts.length ? count(hosts.length, "host") : `${number.format(found.length)} of ${count(hosts.length, "host")}`}, `
      + `${count(devices, "function")}${match.active ? " that fit" : ""}`;
    at("clear").disabled = !match.active && view.state === null && !view.differ;
    markHits(match);
  }

  function drawMore() {
    const next = shown.slice(drawn, drawn + ROWS_AT_ONCE);
    at("rows").append(...next.map(tableRow));
    drawn += next.length;
    at("more-line").hidden = drawn >= shown.length;
    at("more").textContent = `Show more (${number.format(shown.length - drawn)} not shown yet)`;
    markRow();
  }

  function tableRow(row) {
    const { first, hosts: same } = row;
    const { name } = first;
    const link = el("a", { href: `#${new URLSearchParams({ host: name })}`, tabindex: "-1", onclick: (event) => follow(event, name) }, name);
    const cell = (verdict) => el("td", { class: first.counts[verdict] ? "number" : "number zero", "data-head": VERDICTS[verdict].word }, first.answered ? number.format(first.counts[verdict]) : "\u2013");
    const failing = same.filter((host) => host.state === row.state).length;
    return el(
      "tr",
      { "data-host": name },
      el("th", { scope: "row" }, link, same.length > 1 && quiet(` and ${number.format(same.length - 1)} like it`)),
      el("td", { class: "short", "data-head": "IOMMU" }, iommuOf(first)),
      ["ready", "after", "no"].map(cell),
      data.verified && el("td", { class: "short" }, stateBadge(row.state, failing)),
    );
  }

  function follow(event, name) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(name, true);
  }

  /** One host of the table can be reached by Tab, the others by the arrow keys. */
  function markRow() {
    const links = [...at("rows").querySelectorAll("a")];
    let chosen = null;
    for (const link of links) {
      const row = link.closest("tr");
      const current = row.dataset.host === view.host;
      row.toggleAttribute("aria-current", false);
      if (current) {
        row.setAttribute("aria-current", "true");
        chosen = link;
      }
      link.tabIndex = -1;
    }
    if (links.length) (chosen || links[0]).tabIndex = 0;
  }

  function walk(event) {
    if (event.key === "End") while (drawn < shown.length) drawMore();
    const links = [...at("rows").querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    if (here < 0) return;
    let next = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + 10, PageUp: here - 10, Home: 0, End: links.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (next >= links.length && drawn < shown.length) {
      drawMore();
      return walk(event);
    }
    next = Math.max(0, Math.min(next, links.length - 1));
    links[here].tabIndex = -1;
    links[next].tabIndex = 0;
    links[next].focus();
  }

  // ---- the whole fleet

  function summary() {
    const sum = { ready: 0, after: 0, no: 0 };
    for (const host of hosts) for (const verdict of Object.keys(sum)) sum[verdict] += host.counts[verdict];
    const silent = hosts.filter((host) => host.asked && !host.answered).length;
    const asked = hosts.filter((host) => host.asked).length;
    const tile = (look, sign, many, text) => el("p", { class: `tile ${look}` }, el("b", {}, sign && el("i", { "aria-hidden": "true" }, sign), number.format(many)), " ", quiet(text));
    at("summary").replaceChildren(
      tile("", "", asked, `${asked === 1 ? "host" : "hosts"}, ${count(kinds.size, "kind")} of hardware${silent ? `, ${number.format(silent)} without answer` : ""}`),
      ...Object.entries(VERDICTS).map(([verdict, { mark: sign, text }]) => tile(verdict, sign, sum[verdict], text)),
      ...(data.verified ? [failing()] : []),
    );
    at("bar").replaceChildren(...Object.keys(VERDICTS).map((verdict) => {
      const part = el("span", { class: verdict });
      part.style.flexGrow = sum[verdict];
      return part;
    }));
  }

  function failing() {
    const tally = RANKS.map((state) => [state, hosts.filter((host) => host.state === state).length]).filter(([, many]) => many);
    return el("p", { class: "tile tally" }, el("b", {}, ...tally.map(([state, many]) => [stateBadge(state), ` ${number.format(many)} `])), " ", quiet("hosts by their findings"));
  }

  function products() {
    const found = new Map();
    const per = new Map();
    for (const host of hosts) if (host.devices >= 0) per.set(host.devices, (per.get(host.devices) || 0) + 1);
    for (const [devices, many] of per) {
      const list = data.devices[devices];
      const here = new Set();
      for (let place = 0; place < list.length; place += 3) {
        const shape = data.shapes[list[place]];
        if (!shape[SHAPE.wanted]) continue;
        const key = `${ids(shape)} ${shape[SHAPE.device_type]}`;
        if (!found.has(key)) found.set(key, { shape, hosts: 0, ready: 0, after: 0, no: 0 });
        const product = found.get(key);
        product[shape[SHAPE.verdict]] += many;
        if (!here.has(key)) product.hosts += many;
        here.add(key);
      }
    }
    return [...found.values()].sort((one, other) => order.compare(nameOf(one.shape), nameOf(other.shape)) || order.compare(ids(one.shape), ids(other.shape)));
  }

  function fleetDetail() {
    const numbers = (product, verdict) => el("td", { class: product[verdict] ? "number" : "number zero" }, number.format(product[verdict]));
    const rows = products().map((product) => el(
      "tr", {},
      el("th", { scope: "row" }, nameOf(product.shape), " ", el("br"),
        el("button", { type: "button", class: "plain-link mono", onclick: () => lookFor(`${ids(product.shape)} ${product.shape[SHAPE.device_type]}`) }, ids(product.shape)),
        " ", quiet(product.shape[SHAPE.device_type])),
      el("td", { class: "number" }, number.format(product.hosts)),
      ["ready", "after", "no"].map((verdict) => numbers(product, verdict)),
    ));
    return [
      el("h2", { id: "detail-title", tabindex: "-1" }, "The fleet"),
      data.warnings.length > 0 && el("section", {}, el("h3", {}, "Worth knowing"), el("ul", { class: "callout" }, data.warnings.map((text) => el("li", {}, text)))),
      rows.length > 0 && el("section", {}, el("h3", {}, "Devices by product"), el(
        "table", {},
        el("caption", { class: "unseen" }, "Products with how many of them can be passed through"),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Product"), ["Hosts", "Ready", "After", "Never"].map((word) => el("th", { scope: "col", class: "number" }, word)))),
        el("tbody", {}, rows),
      )),
      draft(),
    ];
  }

  function draft() {
    if (!data.declaration.length) return null;
    const text = el("pre", { tabindex: "0", "aria-label": "Declaration" }, data.declaration.join("\n"));
    const said = el("span", { role: "status", class: "quiet" });
    const copy = el("button", { type: "button", onclick: () => copyOf(text, said) }, "Copy");
    return el("section", {}, el("div", { class: "draft-head" }, el("h3", {}, "A declaration to start from"), el("span", {}, said, " ", copy)), el("div", { class: "draft" }, text));
  }

  async function copyOf(element, said) {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    try {
      await navigator.clipboard.writeText(element.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = document.execCommand("copy") ? "Copied." : "Selected: copy it with Ctrl+C.";
    }
  }

  function lookFor(words) {
    view.q = words;
    controls();
    changed();
    at("q").focus();
  }

  // ---- one host

  function devicesOf(host) {
    const list = data.devices[host.devices];
    const found = [];
    for (let at = 0; at < list.length; at += 3) {
      const place = data.places[list[at + 1]];
      found.push({ at, shape: data.shapes[list[at]], place, own: data.owns[list[at + 2]], address: place[PLACE.address] });
    }
    return found;
  }

  function hostDetail(host) {
    const same = kinds.get(host.kind) || [];
    const back = el("p", { class: "back" }, el("a", { href: address(""), onclick: (event) => { event.preventDefault(); leave(); } }, "\u2190 All hosts"));
    const parts = [
      back,
      el("div", { class: "lead" }, el("h2", { id: "detail-title", tabindex: "-1" }, host.name), data.verified && stateBadge(host.state), same.length > 1 && alikeChoice(host, same)),
    ];
    if (!host.answered) {
      parts.push(el("p", {}, host.asked ? "This host gave no answer: nothing is known of its devices." : "This host was checked and not asked for its devices."));
      return [...parts, findingsOf(host), fleetLink()];
    }
    const { machine } = host;
    const fact = (word, text) => text !== null && el("div", {}, el("dt", {}, word), el("dd", {}, text));
    const yes = (value) => (value === null ? null : value ? "yes" : "no");
    parts.push(el(
      "dl", { class: "about" },
      fact("IOMMU", iommuWords(machine) + (machine.iommu.enabled ? `, ${count(machine.iommu.groups, "group")}` : "")),
      fact("Kernel", machine.kernel_release), fact("Processor", [machine.architecture, machine.cpu_vendor].filter(Boolean).join(", ")),
      fact("vfio-pci", machine.vfio_pci), fact("Default domain", machine.iommu.default_domain),
      fact("Interrupt remapping", yes(machine.iommu.interrupt_remapping)), fact("Lockdown", machine.lockdown),
    ));
    if (machine.first.length) {
      parts.push(el("section", {}, el("h3", {}, "Before anything can be passed through here"), el("ul", { class: "callout" }, machine.first.map((text) => el("li", {}, text)))));
    }
    parts.push(findingsOf(host), el("section", { id: "tree" }, el("h3", {}, "Devices by NUMA node and IOMMU group"), el("div", { class: "nodes" }, tree(host))));
    const notes = [...machine.overrides, ...machine.advice];
    if (machine.needs_root.length) notes.push(`Only root can read ${machine.needs_root.join(", ")}: a use that shows there alone is missing from the verdicts.`);
    if (notes.length) parts.push(el("section", {}, el("h3", {}, "Worth knowing"), el("ul", { class: "notes" }, notes.map((text) => el("li", {}, text)))));
    parts.push(fleetLink());
    return parts;
  }

  function fleetLink() {
    return el("p", {}, el("a", { href: address(""), onclick: (event) => { event.preventDefault(); leave(); } }, "Products, warnings and the declaration of the whole fleet"));
  }

  function leave() {
    const from = view.host;
    open("", false);
    const row = [...at("rows").children].find((one) => one.dataset.host === from);
    (row ? row.querySelector("a") : at("detail-title")).focus();
  }

  function alikeChoice(host, same) {
    const choice = el("select", { "aria-label": "Host of the same kind", onchange: () => open(choice.value, false) },
      same.map((one) => el("option", { value: one.name, selected: one === host }, one.name)));
    return el("span", { class: "quiet" }, `one of ${number.format(same.length)} that are alike `, choice);
  }

  function findingsOf(host) {
    if (!host.findings.length) return null;
    const all = host.findings.map((one) => data.findings[one]);
    const good = all.filter((one) => one[FINDING.state] === "ok");
    const bad = all.filter((one) => one[FINDING.state] !== "ok");
    bad.sort((one, other) => RANKS.indexOf(one[FINDING.state]) - RANKS.indexOf(other[FINDING.state]));
    return el("section", {}, el("h3", {}, "Findings"),
      bad.length > 0 && el("ul", { class: "findings" }, bad.map(findingItem)),
      good.length > 0 && late(`${count(good.length, "check")} ok`, () => el("ul", { class: "findings" }, good.map(findingItem))));
  }

  function findingItem(finding) {
    const rows = [["expected", "expected"], ["found", "found"], ["what to do", "fix"]].filter(([, key]) => finding[FINDING[key]]);
    return el("li", { class: "finding" },
      el("div", { class: "device-line" }, stateBadge(finding[FINDING.state]), el("b", {}, finding[FINDING.check]), quiet(finding[FINDING.layer] || ""), finding[FINDING.address] && el("code", {}, finding[FINDING.address])),
      el("dl", {}, rows.map(([word, key]) => [el("dt", {}, word), el("dd", {}, finding[FINDING[key]])])));
  }

  /** A part that is made when it is opened. */
  function late(title, make, look) {
    const part = el("details", { class: look, ontoggle: fill }, el("summary", {}, title));
    part.fill = fill;
    function fill() {
      if (part.children.length < 2) {
        part.append(make());
        markHits(matcher(view));
      }
    }
    return part;
  }

  function tree(host) {
    const devices = devicesOf(host);
    const known = new Map(devices.map((device) => [device.address, device]));
    const groups = new Map();
    for (const device of devices) {
      const group = device.place[PLACE.iommu_group];
      const key = group === null ? `none ${device.place[PLACE.numa_node]}` : group;
      if (!groups.has(key)) groups.set(key, { number: group, devices: [] });
      groups.get(key).devices.push(device);
    }
    const nodes = new Map();
    for (const group of groups.values()) {
      group.wanted = group.devices.filter((device) => device.shape[SHAPE.wanted]);
      const node = (group.wanted[0] || group.devices[0]).place[PLACE.numa_node];
      if (!nodes.has(node)) nodes.set(node, []);
      nodes.get(node).push(group);
    }
    const sorted = [...nodes].sort(([one], [other]) => (one === null) - (other === null) || one - other);
    return sorted.map(([node, own], place) => nodeSection(host, known, node, own, place, sorted.length));
  }

  function nodeSection(host, known, node, groups, place, all) {
    const verdicts = new Map(host.machine.groups);
    const some = groups.filter((group) => group.wanted.length);
    const board = groups.filter((group) => !group.wanted.length).flatMap((group) => group.devices);
    const title = node !== null ? `NUMA node ${node}` : all > 1 ? "No NUMA node" : "No NUMA nodes: one memory for all";
    const wanted = some.reduce((sum, group) => sum + group.wanted.length, 0);
    const id = `node-${place}`;
    return el("section", { class: "node", "aria-labelledby": id },
      el("h4", { id }, el("span", {}, title), quiet(`${count(wanted, "device")} in ${count(some.filter((group) => group.number !== null).length, "IOMMU group")}`)),
      el("ul", { class: "groups" }, bundled(some).map((bundle) => groupItem(known, bundle, verdicts)),
        board.length > 0 && el("li", { class: "board" }, late(
          `${count(board.length, "function")} of the board itself (bridges, system, management)`,
          () => el("ul", {}, nested(board, known)),
        ))));
  }

  /** Virtual functions of one card of which a person would read the same, each in a group of its own, stand together. */
  function bundled(groups) {
    const found = [];
    let last = null;
    for (const group of groups) {
      const [only] = group.devices;
      const key = group.devices.length === 1 && group.number !== null && only.place[PLACE.physical_function] ? sameKey(only) : null;
      if (key !== null && last && last.key === key) last.groups.push(group);
      else {
        last = { key, groups: [group] };
        found.push(last);
      }
    }
    return found.map((bundle) => bundle.groups);
  }

  const sameKey = (device) => `${device.place[PLACE.physical_function]} ${data.shapes.indexOf(device.shape)}`;
  const SEVERE = ["no", "after", "ready"];
  const worst = (devices) => SEVERE.find((verdict) => devices.some((device) => device.shape[SHAPE.verdict] === verdict));

  function groupItem(known, groups, verdicts) {
    const [group] = groups;
    const look = worst(groups.flatMap((one) => one.wanted));
    if (groups.length > 1) {
      const all = groups.flatMap((one) => one.devices);
      return el("li", { class: `group ${look}` }, groupHead(`Groups ${group.number} to ${groups.at(-1).number}`, "", way(group.devices[0], known)), functionBundle(all, known));
    }
    const title = group.number === null ? "No IOMMU group" : `Group ${group.number}`;
    return el("li", { class: `group ${look}` },
      groupHead(title, verdicts.get(group.number) || "", group.number === null ? [] : way(group.wanted[0], known, group.devices)),
      el("ul", {}, nested(group.devices, known)));
  }

  function groupHead(title, verdict, bridges) {
    return el("div", { class: "group-head" }, el("b", {}, title), verdict && quiet(verdict),
      bridges.length > 0 && quiet("behind ", bridges.map((address, place) => [place ? " \u203a " : "", el("code", {}, address)])));
  }

  /** The bridges above a device, from the top; those of its own group are drawn in it. */
  function way(device, known, but = []) {
    const found = [];
    const inside = new Set(but.map((one) => one.address));
    let above = device.place[PLACE.parent];
    while (above && known.has(above) && found.length < 32) {
      if (!inside.has(above)) found.unshift(above);
      above = known.get(above).place[PLACE.parent];
    }
    return found;
  }

  /** Devices below the bridges that stand in the same list. */
  function nested(devices, known) {
    const here = new Set(devices.map((device) => device.address));
    const below = new Map();
    const top = [];
    for (const device of devices) {
      const above = device.place[PLACE.parent];
      if (!here.has(above) || above === device.address) top.push(device);
      else below.set(above, [...(below.get(above) || []), device]);
    }
    return items(top, below, known, 0);
  }

  function items(devices, below, known, depth) {
    const runs = [];
    for (const device of devices) {
      const key = device.place[PLACE.physical_function] && !below.has(device.address) ? sameKey(device) : null;
      const last = runs.at(-1);
      if (key !== null && last && last.key === key) last.devices.push(device);
      else runs.push({ key, devices: [device] });
    }
    return runs.map((run) => (run.devices.length > 2
      ? el("li", {}, functionBundle(run.devices, known))
      : run.devices.map((device) => deviceItem(device, depth < 32 ? items(below.get(device.address) || [], below, known, depth + 1) : []))));
  }

  function functionBundle(devices, known) {
    const [first] = devices;
    const { shape } = first;
    const line = el("span", { class: "device-line" }, verdictBadge(shape[SHAPE.verdict]),
      el("code", {}, first.address), quiet("to"), el("code", {}, devices.at(-1).address),
      el("span", {}, `${nameOf(shape)}: ${count(devices.length, "virtual function")} of `, el("code", {}, first.place[PLACE.physical_function])));
    return late(line, () => el("ul", {}, devices.map((device) => deviceItem(device, []))), "bundle");
  }

  function deviceItem(device, below) {
    const { shape, place, own } = device;
    const fact = (word, text) => text && el("li", {}, word && `${word} `, el("b", {}, text));
    const interfaces = own[OWN.network_interfaces].map(([name, mac]) => [name, mac].filter(Boolean).join(" ")).join(", ");
    const functions = shape[SHAPE.sriov_totalvfs] ? `${shape[SHAPE.sriov_numvfs] || 0} of ${shape[SHAPE.sriov_totalvfs]}` : "";
    const why = (word, text) => el("li", {}, el("b", {}, word), " ", text);
    const reasons = [
      ...shape[SHAPE.because].map((text) => why("Because", `it ${text}`)),
      ...shape[SHAPE.after].map((text) => why("First", text)),
      ...(shape[SHAPE.override] ? [why("Override", shape[SHAPE.override])] : []),
      ...(shape[SHAPE.needs_root].length ? [why("Unread", `only root can read ${shape[SHAPE.needs_root].join(", ")}`)] : []),
    ];
    return el("li", { class: `device ${shape[SHAPE.verdict]}`, "data-at": device.at, "data-address": device.address },
      el("div", { class: "device-line" }, verdictBadge(shape[SHAPE.verdict]), el("code", {}, device.address), el("span", {}, nameOf(shape)), shape[SHAPE.in_guest] && el("span", { class: "badge" }, "in a guest now")),
      el("ul", { class: "facts" },
        el("li", {}, el("b", { class: "mono" }, ids(shape))), fact("", shape[SHAPE.name] && shape[SHAPE.kind]), fact("", shape[SHAPE.device_type]),
        fact("driver", shape[SHAPE.driver] || "none"), fact("VFs", functions), fact("of", place[PLACE.physical_function]), fact("with", place[PLACE.companions].join(", ")),
        fact("", interfaces), fact("", own[OWN.block_devices].join(", ")), fact("slot", own[OWN.slot]), fact("serial", own[OWN.serial])),
      reasons.length > 0 && el("ul", { class: "why" }, reasons),
      below.length > 0 && el("ul", {}, below));
  }

  function markHits(match) {
    const host = byName.get(view.host);
    for (const item of at("detail").querySelectorAll("[data-at]")) {
      const hit = match.active && host && match.device(host, Number(item.dataset.at));
      item.classList.toggle("hit", Boolean(hit));
    }
  }

  function showDetail() {
    const host = byName.get(view.host);
    document.body.classList.toggle("one-host", Boolean(host));
    at("detail").replaceChildren(...(host ? hostDetail(host) : fleetDetail()).filter(Boolean));
    at("detail").scrollTop = 0;
    document.title = host ? `${host.name} \u2013 ${data.title}` : data.title;
    markHits(matcher(view));
  }

  // ---- controls

  function choices(id, all, pairs) {
    at(id).replaceChildren(...[["", all], ...pairs].map(([value, word]) => el("option", { value }, word)));
  }

  /** Vendor ids with the words that all names of that vendor begin with. */
  function vendors() {
    const found = new Map();
    for (const shape of data.shapes) {
      const vendor = shape[SHAPE.vendor_id];
      if (!vendor || !shape[SHAPE.wanted]) continue;
      const words = (shape[SHAPE.name] || "").split(" ");
      const known = found.get(vendor);
      const same = known ? known.findIndex((word, place) => word !== words[place]) : -1;
      found.set(vendor, known ? known.slice(0, same < 0 ? known.length : same) : words);
    }
    return [...found].sort(([one], [other]) => order.compare(one, other)).map(([vendor, words]) => [vendor, `${vendor} ${words.slice(0, 4).join(" ")}`.trim()]);
  }

  function controls() {
    at("q").value = view.q;
    for (const name of ["verdict", "kind", "vendor"]) at(name).value = view[name];
    at("state").value = view.state === null ? "any" : view.state;
    at("differ").checked = view.differ;
    at("grouped").checked = view.grouped;
  }

  let asked = false;
  function changed() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      refresh();
      history.replaceState(null, "", address(view.host));
    });
  }

  function clear() {
    Object.assign(view, { q: "", verdict: "", kind: "", vendor: "", state: null, differ: false });
    controls();
    changed();
    at("q").focus();
  }

  function theme(step) {
    let chosen = "auto";
    try { chosen = localStorage.getItem("pci-theme") || "auto"; } catch { /* a browser may keep nothing for a file */ }
    if (step) chosen = WAY[(WAY.indexOf(document.documentElement.dataset.theme || "auto") + 1) % WAY.length];
    if (step) try { localStorage.setItem("pci-theme", chosen); } catch { /* as above */ }
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    at("theme").textContent = `Theme: ${chosen}`;
  }

  function start() {
    at("made").textContent = data.made_at && `Read ${data.made_at}`;
    at("made").hidden = !data.made_at;
    choices("verdict", "Any", Object.entries(VERDICTS).map(([value, { word, text }]) => [value, `${word}: ${text}`]));
    choices("kind", "Any", [...new Set(data.shapes.filter((shape) => shape[SHAPE.wanted]).map((shape) => shape[SHAPE.kind]))].sort(order.compare).map((kind) => [kind, kind]));
    choices("vendor", "Any", vendors());
    choices("state", "Any", RANKS.map((state) => [state, STATES[state].word]));
    at("state").firstChild.value = "any";
    at("state-field").hidden = !data.verified;
    readAddress();
    controls();
    theme(false);
    heads();
    summary();
    refresh();
    showDetail();

    at("q").addEventListener("input", () => { view.q = at("q").value; changed(); });
    for (const name of ["verdict", "kind", "vendor"]) at(name).addEventListener("change", () => { view[name] = at(name).value; changed(); });
    at("state").addEventListener("change", () => { view.state = at("state").value === "any" ? null : at("state").value; changed(); });
    for (const name of ["differ", "grouped"]) at(name).addEventListener("change", () => { view[name] = at(name).checked; changed(); });
    for (const name of ["clear", "clear-too"]) at(name).addEventListener("click", clear);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("theme").addEventListener("click", () => theme(true));
    at("more").addEventListener("click", drawMore);
    at("rows").addEventListener("keydown", walk);
    new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) drawMore(); }, { rootMargin: "400px" }).observe(at("more-line"));
    for (const name of ["popstate", "hashchange"]) addEventListener(name, () => { readAddress(); controls(); refresh(); showDetail(); });
    addEventListener("keydown", (event) => {
      const typing = /^(input|select|textarea)$/i.test(event.target.tagName || "");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        at("q").focus();
        at("q").select();
      } else if (event.key === "Escape" && event.target === at("q")) {
        view.q = at("q").value = "";
        changed();
      }
    });
    addEventListener("beforeprint", () => {
      while (drawn < shown.length) drawMore();
      for (const part of at("detail").querySelectorAll("details")) { part.fill(); part.open = true; }
    });
  }

  start();
})();
