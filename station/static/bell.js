// The bell of this page. It rings what the station says must ring, and says that it rang only when the ring is drawn and its sound
// runs. A browser lets a page sound only after a person has touched it: until then the bell is not armed, and a ring is shown, silent.
"use strict";
(() => {
  const body = document.body;
  if (!body.dataset.position || !body.dataset.form) return;
  const dialog = document.getElementById("bell-dialog"), state = document.querySelector("[data-bell]");
  const strip = document.getElementById("bell-strip");
  if (!dialog || !state) return;
  const page = window.counterpartPage;

  // ---- the sound: oscillators, one gain, and what measures it before it leaves the page ----
  const audio = new AudioContext(), gain = new GainNode(audio, { gain: 0.25 }), analyser = new AnalyserNode(audio, { smoothingTimeConstant: 0 });
  gain.connect(analyser).connect(audio.destination);
  // On the page of a call nothing may cover it but what its person opens, or FLASH: voice.js lays the rest by, and says of what it is.
  const bell = window.counterpartBell = { audio, gain, analyser, talks: () => false, lays: () => false, tells: () => {}, now: () => ringing, again: () => ring(ringing) };
  // When each tone begins (s), its pitch (Hz), how long it lasts (s); then after how long it all comes again.
  const two = (a, b, step) => [[0, a, step * 0.95], [step, b, step * 0.95], [2 * step, a, step * 0.95], [3 * step, b, step * 0.95]];
  const OPERATION = {
    FLASH: [two(880, 1175, 0.15), 0.6], IMMEDIATE: [two(660, 880, 0.5), 2],
    PRIORITY: [[[0, 660, 0.4], [0.5, 880, 0.4]], 3], ROUTINE: [[[0, 660, 0.3]], 6],
  };
  const AGAIN = { FLASH: 1.2, IMMEDIATE: 2, PRIORITY: 3, ROUTINE: 6 };
  const pattern = (ring) => {
    if (ring.soft || ring.mark === "TEST") return [[[0, 262, 0.25]], 6];
    if (ring.mark === "EXERCISE") return [[0, 0.3, 0.6].map((at) => [at, 330, 0.18]), AGAIN[ring.precedence] || 3];
    return OPERATION[ring.precedence] || OPERATION.PRIORITY;
  };
  let playing = null, timer = 0;
  const play = (tones) => tones.forEach(([at, hz, length]) => {
    const tone = new OscillatorNode(audio, { frequency: hz }), begins = audio.currentTime + 0.02 + at;
    tone.connect(gain);
    tone.start(begins);
    tone.stop(begins + length);
    if (playing) playing.push(tone);
  });
  const silence = () => {
    clearInterval(timer);
    (playing || []).forEach((tone) => { try { tone.stop(); tone.disconnect(); } catch { /* it has ended */ } });
    playing = null;
  };
  const sound = (ring) => {
    silence();
    // Whoever talks is told of it, and goes on to hear the other side.
    gain.gain.value = bell.talks() && ring.precedence !== "FLASH" ? 0.06 : 0.25;
    playing = [];
    const [tones, again] = pattern(ring);
    play(tones);
    timer = setInterval(() => { playing = playing.slice(-8); play(tones); }, again * 1000);
  };

  // ---- how far an ask of ours has come, for whoever waits on its page: pips while it is on its way, the ringback of a telephone once a
  // device of theirs has confirmed that it rings. Not for ever, and not once its person has stopped it. ----
  const TONES = { trying: [[[0, 620, 0.15], [0.25, 620, 0.15]], 4], ringing: [[[0, 425, 1]], 5] }, untils = {};
  let back = "", backTimer = 0;
  const follow = () => {
    const note = document.querySelector("main [data-progress]"), of = note && note.dataset.of;
    if (note) untils[of] ??= Date.now() + +note.dataset.soundsMs;
    const sounds = note && armed() && !ringing && !bell.talks() && !body.classList.contains("dead") && Date.now() < untils[of];
    const tone = sounds ? note.dataset.progress : "";
    if (note) note.hidden = !tone;
    if (tone === back) return;
    clearInterval(backTimer);
    if ((back = tone)) { const [tones, again] = TONES[tone], once = () => play(tones); once(); backTimer = setInterval(once, again * 1000); }
  };
  document.addEventListener("click", (event) => { if (event.target.closest("[data-hush]")) untils[event.target.closest("[data-of]").dataset.of] = 0; });
  setInterval(follow, 500);

  // ---- armed or not, said on every page ----
  let stream = null, told = null, telling = null;
  const armed = () => audio.state === "running";
  const post = (path, fields) => fetch(path, { method: "POST", body: new URLSearchParams({ form: body.dataset.form, ...fields }) });
  const show = () => {
    const is = armed();
    state.hidden = false;
    state.classList.toggle("no", !is);
    const text = is ? state.dataset.armed : state.dataset.unarmed;
    if (state.textContent !== text) state.textContent = text;
    if (strip) strip.hidden = is;
    const now = stream + ":" + is;
    // Only what the station knows counts: a ring is reported after it has been told that this page sounds.
    if (stream !== null && now !== telling) {
      telling = now;
      post("/bell", { stream, armed: is ? "yes" : "no" }).then((reply) => { if (reply.ok) told = now; else telling = null; }, () => { telling = null; })
        .then(() => { if (ringing) report(ringing); });
    }
  };
  const arm = async () => {
    await audio.resume();
    show();
    if (!playing && !ringing && armed()) { playing = []; play(OPERATION.IMMEDIATE[0]); setTimeout(() => { if (!ringing) silence(); }, 2500); }
  };
  document.addEventListener("click", (event) => { if (event.target.closest("[data-arm]")) arm(); });
  // A ring that is shown, silent, sounds at the first touch of the page.
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => { if (ringing && !armed()) audio.resume().then(show, () => {}); });
  audio.onstatechange = () => { show(); if (ringing) ring(ringing); };

  // ---- the ring: over whatever page is open, and on the matter's own page as a strip that covers nothing ----
  let ringing = null, drawn = null, drawnAt = "", position = "", reported = null, began = 0, step = "", under = "", written = {};
  // What broke off with an epoch is about a line as a whole: it leaves every page of lines to be looked at.
  const own = (ring) => (ring.page === "/lines" ? ["/lines/"] : ["requests", "calls"].map((of) => `/lines/${ring.line}/${of}/${ring.thing}/`))
    .some((page) => (location.pathname + "/").startsWith(page));
  const aside = (ring) => own(ring) || bell.lays(ring), busy = () => page.isTyped() || bell.talks();
  const name = (ring) => [ring.line, ring.at, ring.epoch].join("/");
  const here = () => document.querySelector(".strip.rings");
  const isDrawn = (ring) => drawn === name(ring) && (aside(ring) ? !!here() && here().getClientRects().length > 0 : dialog.open);
  // What of the matter rings, and which key ends it: as the page of the matter says it.
  const explain = (ring) => {
    const of = document.querySelector(`main [data-rung="${ring.at}"]`), to = here().querySelectorAll("[data-told-what], [data-ends]");
    if (of) to.forEach((e, n) => { if (e.textContent !== of.children[n].textContent) e.textContent = of.children[n].textContent; });
  };
  const drawStrip = (ring) => {
    if (dialog.open) dialog.close();
    if (drawn === name(ring) && here()) { explain(ring); return; }
    if (here()) here().remove();
    const shown = document.getElementById(own(ring) ? "ring-strip" : "ring-aside").content.cloneNode(true);
    shown.querySelector("[data-title]").textContent = ring.title;
    if (ring.mark !== "OPERATION") shown.firstElementChild.classList.add("ex");
    document.querySelector(".mast").after(shown);
    drawn = name(ring);
    explain(ring);
    bell.tells(ring, here());
  };
  const fill = (shown, key, at, isEx) => {
    const held = document.activeElement && document.activeElement.getAttribute("data-key");
    const told = dialog.querySelector("[data-told]:not([hidden])");
    if (here()) here().remove();
    dialog.replaceChildren(shown);
    dialog.className = "bell" + (isEx ? " ex" : "");
    if (!dialog.open) dialog.showModal();
    [drawn, drawnAt] = [key, at];
    // Another ring, another step, drawn at last, or one that rings no more: whoever types on has not read it yet.
    const what = [key, step, !!dialog.querySelector(".ring.quiet"), !at, body.dataset.form].join();
    dialog.querySelectorAll("textarea").forEach((e) => { e.value ||= written[what] ?? ""; });
    if (what !== stands) { [stands, stoodAt, pressed] = [what, Date.now(), null]; wait(); } else if (told) say(told.textContent);
    const again = held && dialog.querySelector(`[data-key="${CSS.escape(held)}"]`);
    const first = again || dialog.querySelector("[data-first]") || dialog.querySelector("button, a");
    if (first) first.focus({ preventScroll: true });
    if (!again) dialog.scrollTop = 0;
    noted();
  };
  // `false`: the station gave no drawing. What is being fetched is not fetched twice: on a slow line that would take the longer.
  const draw = async (key) => {
    const [line, at] = key.split("/"), at0 = position, of = key + step, rang = !!ringing;
    if (under === of) return true;
    under = of;
    try {
      const reply = await fetch(`/lines/${line}/ring/${at}${step}`, { signal: AbortSignal.timeout(20_000) });
      if (!reply.ok || reply.redirected) return false;
      const shown = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector(".ring");
      // What came too late opens nothing: its ring has been left, another rings or another step is drawn, or the station is lost.
      if (under !== of || ((!ringing || aside(ringing)) && !dialog.open) || (ringing ? name(ringing) : drawn) !== key) return true;
      if (shown) fill(shown, key, at0, shown.classList.contains("ex"));
      return !!shown;
    } catch { return false; } finally {
      if (under === of) under = "";
      // What stopped while its drawing was on its way is drawn as it stands now.
      if (rang && !ringing && dialog.open && drawn === key) draw(key).then((is) => { if (!is && !ringing && drawn === key) dialog.close(); });
    }
  };
  // What the live stream itself says of a ring, when its drawing does not come. It is asked for again at the next event.
  const drawBare = (ring) => {
    if (!ring || ringing !== ring || aside(ring) || isDrawn(ring)) return;
    const shown = document.getElementById("ring-bare").content.cloneNode(true);
    shown.querySelector("[data-title]").textContent = ring.title;
    shown.querySelector("a").href = ring.page;
    shown.firstElementChild.classList.toggle("ex", ring.mark !== "OPERATION");
    fill(shown, name(ring), "", ring.mark !== "OPERATION");
  };
  const painted = () => new Promise((done) => { document.hidden ? setTimeout(done, 50) : requestAnimationFrame(() => setTimeout(done, 0)); });
  // Drawn, and its sound runs: only then it rings. What rings once is heard to its end before it is told.
  const report = async (ring) => {
    if (reported === name(ring) || !isDrawn(ring) || !playing || !armed() || told !== stream + ":true") return;
    if (ring.briefly && Date.now() - began < 1000 * pattern(ring)[1]) return;
    const before = audio.currentTime;
    await new Promise((done) => setTimeout(done, 60));
    await painted();
    if (audio.currentTime <= before || !playing || !isDrawn(ring) || reported === name(ring)) return;
    reported = name(ring);
    const reply = await post("/rang", { line: ring.line, at: ring.at, epoch: ring.epoch, stream }).catch(() => null);
    // It may have stopped meanwhile, or this page may not be known to sound: then nobody was told, and nothing here says so.
    const counts = reply && reply.ok && (await reply.json().catch(() => ({}))).rang;
    if (!counts && reported === name(ring)) reported = null;
    noted();
  };
  const noted = () => {
    const note = ringing && (aside(ringing) ? here() : dialog);
    const state = note && note.querySelector("[data-ringstate]");
    if (!state || !ringing) return;
    if (aside(ringing)) state.textContent = reported !== drawn ? (playing ? state.dataset.rings : state.dataset.silent) : ringing.climbs ? state.dataset.said : state.dataset.rings;
    else if (reported === drawn || playing) state.textContent = state.dataset[reported === drawn ? "rings" : "sounds"];
  };
  const typing = () => [...dialog.querySelectorAll("textarea, select")].some((e) => (e.tagName === "SELECT" ? e.selectedIndex > 0 : e.value));
  const ring = async (next) => {
    const isNew = !ringing || name(ringing) !== name(next);
    ringing = next;
    if (isNew) step = "";
    // It sounds whether or not it can be drawn; that it rang is told once it is drawn.
    if (armed() && (isNew || !playing)) { sound(next); began = Date.now(); }
    page.rings(next.title);
    if (aside(next)) drawStrip(next);
    else if (isNew || !dialog.open || (drawnAt !== position && !typing())) {
      const late = setTimeout(() => drawBare(ringing), 2000);
      if (!(await draw(name(next)))) drawBare(ringing);
      clearTimeout(late);
    }
    if (ringing !== next) return;
    noted();
    report(next);
  };
  const stop = async () => {
    if (!ringing) return;
    const was = name(ringing), strip = aside(ringing);
    ringing = null;
    step = "";
    silence();
    page.rings("");
    if (strip) { if (here()) here().remove(); drawn = null; return; }
    // Whose it was, drawn; the page behind is as it was left.
    if (dialog.open && drawn === was && (bell.talks() || (!(await draw(was)) && !ringing && drawn === was))) dialog.close();
  };
  document.addEventListener("standing", (event) => {
    const now = event.detail;
    [stream, position] = [now.stream, now.position];
    show();
    const [first] = now.rings;
    // What is drawn stays while it stands, unless something more urgent comes: the first is the most urgent.
    const same = ringing && now.rings.find((r) => name(r) === name(ringing));
    if (first) ring(same && same.mark === first.mark && same.precedence === first.precedence ? same : first);
    else if (ringing) stop(); else if (dialog.open && drawnAt !== position) draw(drawn);
  });
  document.addEventListener("lost", () => { ringing = null; drawn = null; silence(); page.rings(""); if (dialog.open) dialog.close(); if (here()) here().remove(); state.textContent = state.dataset.cannot; state.classList.add("no"); });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("input", ({ target }) => { if (target.localName === "textarea") written[stands] = target.value; }); // Words come again with their ring.
  // ---- the keys of a ring ----
  // Whoever writes when it begins to ring writes on for a moment, and must sign nothing: a key counts once the ring has stood for a
  // second and nothing was typed for a second. What goes over the line and cannot be taken back needs its letter twice.
  const PAUSE_MS = 1000, TWICE_MS = 500;
  let stands = "", stoodAt = 0, waits = 0, counts = null, pressed = null;
  const wait = () => {
    dialog.dataset.early = "";
    clearTimeout(waits);
    waits = setTimeout(() => { delete dialog.dataset.early; }, PAUSE_MS);
  };
  const say = (text) => {
    const told = dialog.querySelector("[data-told]");
    if (!told) return;
    told.textContent = text ?? told.dataset.early;
    told.hidden = !text && text !== undefined;
  };
  document.addEventListener("keydown", (event) => {
    if (/^(Tab|Shift|Control|Alt|AltGraph|Meta|Escape|Arrow.*)$/.test(event.key) || event.target.closest("dialog textarea")) return;
    counts = event.ctrlKey || event.altKey || event.metaKey || !("early" in dialog.dataset);
    wait();
  }, true);
  document.addEventListener("keyup", () => setTimeout(() => { counts = null; }, 0));
  dialog.addEventListener("click", (event) => {
    // By hand, or by Enter and the space bar on what has the focus. A letter's own click is not of a hand.
    const early = event.detail ? Date.now() - stoodAt < PAUSE_MS : !(counts ?? !("early" in dialog.dataset));
    if (!event.isTrusted || !early || !event.target.closest("button, a")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say();
  }, true);
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-back]")) { event.preventDefault(); dialog.close(); return; }
    // The second step of declining is drawn over the first, and it rings on.
    const to = event.target.closest("[data-step]");
    if (to && ringing) { event.preventDefault(); step = to.dataset.step; draw(name(ringing)); return; }
    // What is being written behind the ring stays where it is.
    const link = event.target.closest("a[href]");
    if (link && busy()) link.target = "_blank";
  });
  dialog.addEventListener("submit", async (event) => {
    const isBack = event.target.matches(".takeback");
    if (!(isBack || busy()) || !ringing) return;
    event.preventDefault();
    const of = name(ringing), at = stands, why = await page.send(event.target, event.submitter);
    say(why); if (why) return;
    delete written[at];
    step = "";
    await page.draw();
    if (!isBack && document.querySelector(".page > .unsigned form:not(.undone)")) dialog.close();
    else if (dialog.open && drawn === of) await draw(of);
  });
  // A letter with Alt is the ring's while it fills the screen: the browser would give it to the page behind, or later to a ring that is closed.
  document.addEventListener("click", (event) => { if (!event.isTrusted || !dialog.open || dialog.contains(event.target)) return; event.preventDefault(); event.stopImmediatePropagation(); dialog.querySelector(`[accesskey="${CSS.escape(event.target.closest("[accesskey]")?.accessKey || " ")}"]`)?.click(); }, true);
  dialog.addEventListener("close", () => { if (!dialog.open) dialog.replaceChildren(); });
  // Plain letters act while the ring fills the screen, and never while someone types.
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
    // Where the keyboard writes other letters, a key is the one in its place.
    const letter = /^[!-~]$/.test(event.key) ? event.key.toLowerCase() : (/^(?:Key|Digit)(.)$/.exec(event.code) || [])[1]?.toLowerCase();
    const key = letter && dialog.querySelector(`[accesskey="${CSS.escape(letter)}"]`);
    const now = Date.now(), isSecond = !!key && !!pressed && pressed.of === key.dataset.key;
    if (isSecond && now - pressed.at < TWICE_MS) return;
    pressed = null;
    if (!key) return;
    event.preventDefault();
    if (!isSecond && !counts) { say(); return; }
    say("");
    key.focus();
    if (isSecond || !("twice" in key.dataset)) { key.click(); return; }
    pressed = { of: key.dataset.key, at: now };
    say(key.dataset.twice);
  });
  show();
})();
