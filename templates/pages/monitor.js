// Makes the pages quicker; everything works without it. No library, no request to anywhere else.
"use strict";
(() => {
  const root = document.body.dataset.root || "/";
  const csrf = document.body.dataset.csrf || "";
  const byId = (id) => document.getElementById(id);
  const list = byId("rows");
  const rows = list ? [...list.querySelectorAll(".row")] : [];
  const pane = byId("detail");
  const bulk = byId("verdicts");
  const live = byId("live");
  const undoable = []; // {token, was: Map(row → pair before)}
  const words = { confirmed: "Confirmed", dismissed: "Dismissed", "second-look": "Second look", new: "New" };

  // ── Keys on or off ─────────────────────────────────────────────────────────────────────────────
  const store = {
    get on() { try { return localStorage.getItem("monitor-keys") !== "off"; } catch { return true; } },
    set on(value) { try { localStorage.setItem("monitor-keys", value ? "on" : "off"); } catch { /* private mode */ } },
  };
  function showSwitch() {
    const text = store.on ? "turn single keys off" : "turn single keys on";
    for (const id of ["keys-switch", "keys-switch-2"]) if (byId(id)) byId(id).textContent = text;
  }
  for (const id of ["keys-switch", "keys-switch-2"]) {
    byId(id)?.addEventListener("click", () => { store.on = !store.on; showSwitch(); say(store.on ? "Keys are on." : "Keys are off."); });
  }
  showSwitch();
  if (byId("keys-help") && byId("show-keys")) {
    byId("show-keys").hidden = false;
    byId("show-keys").addEventListener("click", () => byId("keys-help").showModal());
  }
  if (byId("keys-line")) byId("keys-line").hidden = false;
  if (byId("filters") && matchMedia("(max-width: 720px)").matches) {
    byId("filters").open = false;
    byId("to-list")?.remove(); // nothing long stands before the list any more
  }

  const key = (pair) => pair.split(":").slice(0, 3).join(":");
  const rowOf = (pair) => rows.find((row) => row.dataset.pair && key(row.dataset.pair) === key(pair));

  function say(text) { if (live) live.textContent = text; }

  // ── The current row and the pane beside the list ───────────────────────────────────────────────
  let current = rows.find((row) => row.classList.contains("current")) || rows[0] || null;
  let asked = 0;

  function choose(row, { scroll = true } = {}) {
    if (!row || row === current) return;
    current?.classList.remove("current");
    current?.removeAttribute("aria-current");
    current = row;
    row.classList.add("current");
    row.setAttribute("aria-current", "true");
    if (scroll) row.scrollIntoView({ block: "nearest" });
    if (row.dataset.pair) history.replaceState({ row: key(row.dataset.pair) }, ""); // for whoever comes back
    loadPane();
  }

  async function loadPane() {
    if (!pane || !current || getComputedStyle(pane).display === "none") return;
    const turn = ++asked;
    const query = new URLSearchParams(location.search);
    query.set("open", current.dataset.pair);
    if (pane.dataset.blind) query.set("blind", "1");
    try {
      const answer = await fetch(`${root}inbox/detail?${query}`, { headers: { "X-Requested-With": "monitor" } });
      if (answer.ok && turn === asked) pane.innerHTML = await answer.text(); // our own server's escaped page
    } catch { say("The details could not be loaded."); }
  }

  function step(by) {
    const at = rows.indexOf(current);
    choose(rows[Math.max(0, Math.min(rows.length - 1, at + by))]);
  }
  function advance() {
    const at = rows.indexOf(current);
    const open = (row) => !row.classList.contains("done");
    const next = rows.slice(at + 1).find(open) || rows.slice(0, at).reverse().find(open);
    if (next) choose(next); else loadPane();
  }

  list?.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    const link = event.target.closest("a");
    if (link && link.hasAttribute("data-open")) {
      event.preventDefault();
      choose(row, { scroll: false });
    } else if (row && !link && !event.target.closest("label, input")) {
      choose(row, { scroll: false });
    }
  });

  // ── Selecting ──────────────────────────────────────────────────────────────────────────────────
  const boxes = () => rows.map((row) => row.querySelector("input[name=pair]")).filter(Boolean);
  const selected = () => rows.filter((row) => row.querySelector("input[name=pair]")?.checked);
  function showBulk() {
    if (!bulk) return;
    const count = selected().length;
    bulk.hidden = count === 0;
    byId("selected").textContent = `${count} selected`;
    byId("select-above").hidden = false;
    byId("reason-bulk").hidden = true; // a dialog asks for it
  }
  bulk?.addEventListener("reset", () => { for (const box of boxes()) box.checked = false; setTimeout(showBulk); });
  list?.addEventListener("change", showBulk);
  byId("select-above")?.addEventListener("click", selectAbove);
  function selectAbove() {
    const last = Math.max(rows.indexOf(current), ...selected().map((row) => rows.indexOf(row)));
    rows.slice(0, last + 1).forEach((row) => { const box = row.querySelector("input[name=pair]"); if (box && !row.classList.contains("done")) box.checked = true; });
    showBulk();
  }
  showBulk();

  // ── Deciding ───────────────────────────────────────────────────────────────────────────────────
  async function post(path, fields) {
    const body = new URLSearchParams(fields);
    const answer = await fetch(root + path, { method: "POST", body, headers: { Accept: "application/json", "X-CSRF-Token": csrf } });
    const found = await answer.json();
    if (!answer.ok && !found.conflicts) throw new Error([found.error, found.remedy].filter(Boolean).join(" ") || `Error ${answer.status}`);
    return found;
  }

  function ask(dialog, focus) {
    return new Promise((resolve) => {
      dialog.returnValue = "";
      dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
      dialog.showModal();
      focus?.focus();
    });
  }


  async function decide(status, targets, reason = "") {
    targets = targets.filter((row) => row.dataset.pair);
    if (!targets.length || !csrf) return;
    if (status === "dismissed" && !reason) {
      reason = await ask(byId("reasons"));
      if (!reason) return;
    }
    const fields = targets.map((row) => ["pair", row.dataset.pair]);
    fields.push(["status", status], ["reason", reason]);
    const mode = pane?.querySelector("input[name=mode]")?.value;
    if (mode) fields.push(["mode", mode]);
    if (bulk && targets.length > Number(bulk.dataset.ask)) {
      byId("sure-words").textContent = `${words[status]}: ${targets.length} events at once. It can be undone afterwards.`;
      if ((await ask(byId("sure"))) !== "yes") return;
      fields.push(["sure", "1"]);
    }
    try {
      const found = await post("reviews", fields);
      const was = new Map();
      for (const pair of found.done) {
        const row = rowOf(pair);
        if (!row) continue;
        was.set(row, row.dataset.pair);
        mark(row, mode ? "new" : status, mode ? "Judged" : words[status], mode || status !== "new");
      }
      for (const conflict of found.conflicts) trouble(conflict);
      if (found.undo) undoable.push({ token: found.undo, was });
      const some = found.done.length === 1 ? "1 event" : `${found.done.length} events`;
      const left = found.conflicts.length ? ` ${found.conflicts.length} left as they are.` : "";
      say(`${words[status]}: ${some}.${left}${found.undo ? " u undoes it." : ""}`);
      count(found);
      if (targets.includes(current) && !found.conflicts.length) advance(); else loadPane();
    } catch (error) { say(error.message); notice(error.message); }
  }

  function showAllDone() {
    if (byId("all-done")) byId("all-done").hidden = rows.some((row) => !row.classList.contains("done"));
  }

  function mark(row, status, text, done) {
    row.dataset.pair = `${key(row.dataset.pair)}:${status}`;
    row.classList.toggle("done", done);
    row.querySelector(".trouble")?.remove();
    const box = row.querySelector("input[name=pair]");
    if (box) { box.checked = false; box.value = row.dataset.pair; }
    row.querySelector(".verdict")?.remove();
    if (done) {
      const shown = document.createElement("span");
      shown.className = `verdict state ${status}`;
      shown.textContent = text;
      row.querySelector(".meta")?.append(shown);
    }
    showBulk();
    showAllDone();
  }

  function trouble(conflict) {
    const row = rowOf(conflict.pair);
    if (!row) return;
    mark(row, conflict.current, words[conflict.current], conflict.current !== "new");
    const told = document.createElement("p");
    told.className = "trouble";
    told.textContent = `Not changed: ${conflict.words}. Look at it again, then decide.`;
    row.querySelector(".body").append(told);
  }

  function notice(text) {
    const told = document.createElement("div");
    told.className = "notice bad";
    told.textContent = text;
    byId("main").prepend(told);
    setTimeout(() => told.remove(), 8000);
  }

  function count(found) {
    const shown = document.querySelector(".main-nav .count:not(.bad)");
    if (shown && found.to_review !== undefined) shown.firstChild.textContent = String(found.to_review);
  }

  async function undo() {
    const last = undoable.pop();
    if (!last) { say("There is nothing to undo here."); return; }
    try {
      const found = await post("reviews/undo", [["token", last.token]]);
      for (const pair of found.done) {
        const row = rowOf(pair);
        if (!row) continue;
        const before = (last.was.get(row) || "").split(":")[3] || "new";
        mark(row, before, words[before], before !== "new");
      }
      for (const conflict of found.conflicts) trouble(conflict);
      const first = [...last.was.keys()][0];
      if (first) { if (first === current) loadPane(); else choose(first); }
      say(`Undone: ${found.done.length === 1 ? "1 verdict" : `${found.done.length} verdicts`}.`);
      count(found);
    } catch (error) { say(error.message); notice(error.message); }
  }

  async function note() {
    if (!current?.dataset.event || !byId("note-box")) return;
    const field = byId("note-text");
    field.value = "";
    if ((await ask(byId("note-box"), field)) !== "save" || !field.value.trim()) return;
    const path = current.dataset.event.slice(root.length);
    const body = new URLSearchParams({ text: field.value });
    const answer = await fetch(`${root}${path}/note`, { method: "POST", body, redirect: "manual", headers: { "X-CSRF-Token": csrf } });
    if (answer.type === "opaqueredirect" || answer.ok) say("Noted."); else notice("The note was not stored.");
  }

  const targets = () => { const some = selected(); return some.length ? some : current ? [current] : []; };
  document.addEventListener("submit", (event) => {
    const status = event.submitter?.value;
    if (event.target === bulk && status) {
      event.preventDefault();
      decide(status, selected(), byId("reason-bulk").value);
      byId("reason-bulk").value = "";
    } else if (event.target.matches("[data-verdict]") && status && current) {
      event.preventDefault();
      decide(status, [current], event.target.querySelector("select[name=reason]")?.value || "");
    }
  });

  // ── Keys ───────────────────────────────────────────────────────────────────────────────────────
  const dialogs = byId("reasons");
  dialogs?.addEventListener("keydown", (event) => {
    const button = dialogs.querySelectorAll(".reasons button")[Number(event.key) - 1];
    if (button) { event.preventDefault(); button.click(); }
  });

  const actions = {
    j: () => step(1),
    k: () => step(-1),
    x: () => { const box = current?.querySelector("input[name=pair]"); if (box) { box.checked = !box.checked; showBulk(); } },
    X: selectAbove,
    c: () => decide("confirmed", targets()),
    d: () => decide("dismissed", targets()),
    s: () => decide("second-look", targets()),
    u: undo,
    n: note,
    o: () => { if (current?.dataset.source) window.open(current.dataset.source, "_blank", "noopener,noreferrer"); },
    Enter: () => { if (current?.dataset.event) location.href = current.dataset.event; },
  };

  // On the page of one event the keys press its buttons; u takes back what was just done, if it can.
  const verdict = document.querySelector("form[data-keys]");
  const press = (value) => verdict?.querySelector(`button[value="${value}"]`)?.click();
  const onEvent = {
    c: () => press("confirmed"),
    s: () => press("second-look"),
    u: () => (document.querySelector(".notice[role=status] form button") || verdict?.querySelector("button[value=new]"))?.click(),
    n: openNote,
    o: () => { const link = document.querySelector(".timeline h3 a[href]"); if (link) window.open(link.href, "_blank", "noopener,noreferrer"); },
    async d() {
      const reason = verdict?.querySelector("select[name=reason]");
      if (reason && !reason.value) reason.value = await ask(byId("reasons"));
      if (reason?.value) press("dismissed");
    },
  };
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (at.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog")) {
      if (event.key === "Escape") at.blur();
      return;
    }
    if (event.key === "Enter" && at.closest?.("a, button, summary, input")) return;
    if (!store.on) return;
    const name = event.shiftKey || event.key.length > 1 ? event.key : event.key.toLowerCase(); // Caps Lock is no Shift
    const action = event.key === "/" ? () => byId("q")?.focus()
      : event.key === "?" ? () => byId("keys-help")?.showModal()
      : list ? (current ? actions[name] : undefined)
      : byId("verdicts-h") && csrf ? onEvent[name] : undefined;
    if (action) { event.preventDefault(); action(); }
  });

  byId("note-text")?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("note-box").querySelector("button[value=save]").click();
  });
  if (history.state?.row) choose(rowOf(history.state.row));

  function openNote() {
    const box = byId("note");
    if (box instanceof HTMLDetailsElement) { box.open = true; byId("note-field").focus(); }
  }
  if (location.hash === "#note") openNote();
})();
