// The desk works without this file. It adds: clocks that tick, a page that draws itself anew when something has changed, and one that
// says so when its station does not answer. It decides nothing: what it shows comes from the station, drawn.
"use strict";
(() => {
  const all = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const body = document.body;
  // The station's clock counts, not this device's: only the difference is kept.
  let skew = Date.parse(body.dataset.now) - Date.now();
  // A clock that a story tells stands until the story moves it.
  const now = () => ("told" in body.dataset ? Date.parse(body.dataset.now) : Date.now() + skew);
  const two = (n) => String(n).padStart(2, "0");
  const [days, hours, minutes, seconds] = (body.dataset.units || "d h min s").split(" ");

  const span = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    if (h >= 24) return `${Math.floor(h / 24)} ${days} ${h % 24} ${hours}`;
    if (h) return `${h} ${hours} ${two(m)} ${minutes}`;
    return m ? `${m} ${minutes} ${two(s % 60)} ${seconds}` : `${s} ${seconds}`;
  };
  const wall = (ahead, withSeconds, at = now()) => {
    const t = new Date(at + ahead * 60000);
    return two(t.getUTCHours()) + ":" + two(t.getUTCMinutes()) + (withSeconds ? ":" + two(t.getUTCSeconds()) : "");
  };
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  // ---- lost and found ----
  // `looked`: up to where the answers and the bar are drawn, while what somebody writes keeps the main part as it is.
  let heard = Date.now(), lost = 0, drawing = false, displaced = false, since = "", looked = "", ringing = "", title = document.title;
  const gone = [], unsaid = [];
  const LOST_MS = 3800, AGAIN_MS = 2000;
  const note = document.querySelector("[data-live]");
  const say = (text, bad) => { if (note) { put(note, text); note.classList.toggle("stale", !!bad); } };
  const entitle = () => { document.title = [ringing, lost && body.dataset.notLive, title].filter(Boolean).join(" · "); };
  // What is not vouched for is not said; it is said again if the page goes on as it was.
  const unsay = (element, ...now) => {
    const was = [...element.childNodes];
    element.replaceChildren(...now);
    unsaid.push(() => element.replaceChildren(...was));
  };

  const strip = (id, at) => {
    const found = document.getElementById(id);
    if (!found) return;
    all(".strip.dead", (e) => e.remove());
    const shown = found.content.cloneNode(true);
    shown.querySelectorAll("[data-at]").forEach((e) => { e.textContent = at; });
    document.querySelector(".mast").after(shown);
  };
  const dead = (why = "dead-strip") => {
    if (lost) { if (why !== "dead-strip") strip(why, since); return; }
    lost = heard + skew;
    if (body.classList.contains("dead")) { strip(why, since); return; }
    body.dataset.lostAfter = Date.now() - heard;
    const at = since = wall(+body.dataset.ahead, true, lost);
    body.classList.add("dead");
    document.dispatchEvent(new CustomEvent("lost"));
    strip(why, at);
    say(body.dataset.notLive + " " + at, true);
    // Each answer becomes "not known", and what it said is said of its time.
    all(".four > div:not(.markcell)", (cell) => {
      const [first, ...rest] = cell.querySelectorAll("dd"), was = document.createElement("small");
      was.textContent = [first, ...rest].map((e) => e.innerText).join(" · ").replace(/\s+/g, " ").trim() + ", " + at;
      [first, ...rest].forEach((e) => e.replaceChildren());
      first.append(body.dataset.notKnown, was);
    });
    all("h1", (e) => unsay(e, body.dataset.notLive + " " + at + "."));
    all(".board .state, .board .agree", (e) => unsay(e, body.dataset.notKnown));
    all(".takeback:not(.undone) p", (e) => unsay(e, `${e.parentElement.dataset.told}. ${body.dataset.unsure}`));
    // A microphone is muted whether or not the station is there.
    all("main button:not([data-key=mute]), main a.key, main summary, .takeback button", (e) => {
      const [was, href] = [e.disabled, e.getAttribute("href")];
      e.setAttribute("aria-disabled", "true");
      if (e.tagName === "BUTTON") e.disabled = true;
      e.removeAttribute("href");
      unsaid.push(() => {
        e.removeAttribute("aria-disabled");
        if (e.tagName === "BUTTON") e.disabled = was;
        if (href !== null) e.setAttribute("href", href);
      });
    });
    entitle();
    tick();
  };
  // Whatever had become of it, the station draws it: nothing of the old page is trusted.
  const back = async () => {
    const was = lost;
    if (!was || drawing) return;
    lost = 0;
    if (!(await draw(true))) { lost = was; return; }
    if (lost) return;
    all(".strip.dead", (e) => e.remove());
    entitle();
  };

  // ---- draw anew ----
  // A half-written form is never taken away: then the page only says that something has changed. After a break everything is drawn
  // anew, and what was typed goes along into the same fields; if those are gone, the page stays as it is and says of when.
  const fields = (root) => [...root.querySelectorAll(".page > main form :is(input:not([type=hidden]), select, textarea)")];
  const box = (e) => e.type === "radio" || e.type === "checkbox";
  const place = (e) => (e.id ? "#" + e.id : [e.form.getAttribute("action"), e.name, box(e) ? e.value : ""].join(" "));
  const chosen = (e) => (e.tagName === "SELECT" ? Math.max(0, [...e.options].findIndex((o) => o.defaultSelected)) : 0);
  const touched = (e) => (box(e) ? e.checked !== e.defaultChecked : e.tagName === "SELECT" ? e.selectedIndex !== chosen(e) : e.value !== e.defaultValue);
  const carry = (fresh) => {
    const known = new Map(fields(fresh).map((e) => [place(e), e]));
    return fields(document).map((e) => {
      const to = known.get(place(e));
      if (to && box(e)) to.checked = e.checked;
      else if (to) to.value = e.value;
      return (to && to.value === e.value) || !touched(e);
    }).every(Boolean);
  };
  // What is chosen before a call is no writing: it goes over to what is drawn.
  const isTyped = () => !!document.querySelector("main [data-typed]") || fields(document).some((e) => touched(e) && !e.closest("[data-chosen]"));
  // The answer to a form is no page of its own: what it says stays, and what stands around it is that of the page that it came from.
  const stays = () => "page" in body.dataset;
  const keep = (why = "kept-strip") => { dead(why); displaced = true; feed.close(); };
  // A session ended. What somebody has written, or waits to be signed, stays with them; otherwise the door is shown.
  const ended = () => { feed.close(); if (isTyped() || stays() || document.querySelector(".unsigned .takeback")) keep("ended-strip"); else location.reload(); };
  // What was not done is told as of then, and nothing of it changes; of anything else that stays it is said that it has.
  const stale = () => { if (stays() && !document.querySelector("main form")) say(body.dataset.isLive); else say(body.dataset.changed, true); };
  // What waited to be signed when the station ended was not signed: it said nothing, so the page does.
  const bars = (fresh, waiting) => {
    const run = (page) => (page.dataset.position || "").split(".")[0], bar = document.querySelector(".page > .unsigned");
    if (run(body) !== run(fresh.body)) gone.push(...waiting.map((e) => body.dataset.notSent + " " + e.dataset.told));
    if (bar) bar.append(...gone.map((told) => Object.assign(document.createElement("p"), { className: "takeback undone", textContent: told })));
  };
  const draw = async (again = false) => {
    if (drawing) return true;
    drawing = true;
    try {
      const reply = await fetch(body.dataset.page || location.href, { headers: { accept: "text/html" } }), text = await reply.text();
      // A page that has lost its station, or its place, meanwhile is not live by an answer of before.
      if (lost || !(reply.ok || reply.redirected)) return false;
      if (reply.redirected) { ended(); return true; }
      const fresh = new DOMParser().parseFromString(text, "text/html"), who = ".mast .who b";
      // Somebody else signed in meanwhile, or the form is gone: what was typed is not theirs, or has no place.
      const same = !document.querySelector(who) || document.querySelector(who).textContent === fresh.querySelector(who)?.textContent;
      if ((isTyped() || stays()) && !same) { keep(); return true; }
      const whole = !stays() && (again || !isTyped());
      if (whole && fields(document).some(touched) && !carry(fresh) && isTyped()) { keep(); return true; }
      const waiting = [...document.querySelectorAll(".unsigned form.takeback:not(.undone)")];
      const held = document.activeElement, open = [];
      const [tag, link] = [held?.localName, held?.getAttribute("href")], is = (name, value) => `[${name}="${CSS.escape(value)}"]`;
      const key = held?.dataset.key ? is("data-key", held.dataset.key) : link ? "main " + tag + is("href", link) : tag === "button" && held.name && "main " + tag + is("name", held.name) + is("value", held.value);
      const field = held && held.form && held.matches("main form *") && place(held), caret = field && [held.selectionStart, held.selectionEnd];
      all(".page > main details", (e) => open.push([e.id, e.open]));
      // What is being written is about the mark that is chosen, and not about the one with which its page begins.
      const cell = !whole && document.querySelector("form[data-shows]") && document.querySelector(".four .markcell");
      if (cell) fresh.querySelectorAll(".four .markcell").forEach((e) => e.replaceWith(cell));
      // What rings lies over the page and draws itself.
      [".page .four", ".page > .unsigned", ".mast .who", ".mast [data-count]", ".mast [data-days]", ".crown > .banner", ".banner.foot", "#shut", ...(whole ? [".page > main"] : [])].forEach((selector) => {
        const old = document.querySelector(selector), next = fresh.querySelector(selector);
        if (old && next && (selector !== "#shut" || !old.isEqualNode(next))) old.replaceWith(next);
      });
      bars(fresh, waiting);
      open.forEach(([id, isOpen]) => { const e = id && document.getElementById(id); if (e) e.open = isOpen; });
      looked = fresh.body.dataset.position;
      for (const name of ["now", "form", ...(whole ? ["position"] : [])]) body.dataset[name] = fresh.body.dataset[name];
      body.classList.remove("dead");
      if (whole) {
        unsaid.length = 0;
        body.className = fresh.body.className + " scripted";
        title = fresh.title;
      } else if (again) unsaid.splice(0).reverse().forEach((back) => back());
      entitle();
      if (whole && held && !held.isConnected) {
        const found = key ? document.querySelectorAll(key) : [], next = found.length === 1 || held.dataset.key ? found[0] : field && fields(document).find((e) => place(e) === field);
        if (next) next.focus({ preventScroll: true });
        if (next && caret?.[0] != null) next.setSelectionRange(...caret);
      }
      if (whole) { say(body.dataset.isLive); document.dispatchEvent(new CustomEvent("drawn")); } else stale();
      tick();
      return true;
    } catch {
      return false;
    } finally {
      drawing = false;
    }
  };
  // Of an answer that is none: why not, as the station says it.
  const why = async (reply) => {
    const told = new DOMParser().parseFromString(await reply.text(), "text/html").querySelectorAll("main h1, .q3 > :nth-last-child(2) > dd, .q3 dd > p:first-child");
    return [...told].map((e) => e.textContent.trim()).join(" ");
  };
  // Sends a form and stays on the page. "" if it was done; else why not, as the station says it.
  const send = async (form, key) => {
    const sent = { method: "POST", body: new URLSearchParams(new FormData(form, key)) };
    const reply = await fetch(form.getAttribute("action"), sent).catch(() => null);
    if (reply && reply.ok && reply.redirected && !new URL(reply.url).pathname.startsWith("/sign-in")) return "";
    return (reply && await why(reply)) || body.dataset.unsure;
  };
  // What was just done is drawn, even if the page was being drawn when it was.
  const drawAfter = async () => {
    while (drawing) await new Promise((done) => setTimeout(done, 50));
    return draw();
  };
  window.counterpartPage = { isTyped, send, why, draw: drawAfter, rings: (told) => { ringing = told; entitle(); } };

  // ---- the stream ----
  // The last part of a position counts what has changed in calls, which the page of a call alone shows.
  const upTo = (position) => (document.querySelector("[data-sound]") || !position ? position : position.slice(0, position.lastIndexOf(".")));
  let feed = null;
  const standing = async (event) => {
    const told = JSON.parse(event.data);
    heard = Date.now();
    body.dataset.now = told.now;
    skew = Date.parse(told.now) - Date.now();
    if (told.ended) { ended(); return; }
    document.dispatchEvent(new CustomEvent("standing", { detail: told }));
    if (lost) { await back(); return; }
    if (upTo(told.position) === upTo(body.dataset.position)) say(body.dataset.isLive);
    else if (upTo(told.position) === upTo(looked) && (isTyped() || stays())) stale();
    else if (!(await draw()) && !lost) say(body.dataset.changed, true);
  };
  const listen = () => {
    if (feed) feed.close();
    feed = new EventSource(body.dataset.feed || "/live");
    feed.addEventListener("standing", standing);
    // A newer page of this session has the place of this one. It goes on when its person comes back to it.
    feed.addEventListener("displaced", () => { feed.close(); displaced = true; dead("displaced-strip"); });
    feed.onerror = () => {
      feed.close();
      dead();
      if (!displaced) setTimeout(listen, AGAIN_MS);
    };
  };
  const come = () => { if (displaced && !document.hidden && document.querySelector(".strip.dead[data-here]")) { displaced = false; listen(); } };
  addEventListener("focus", come);
  document.addEventListener("visibilitychange", come);

  // ---- what they will read, as it is being chosen ----
  // The station says it: the form is sent to be shown, and of the answer only what it would read is taken over.
  let asked = 0, waits = 0;
  const shown = async (form) => {
    const mine = asked, sent = new URLSearchParams(new FormData(form));
    sent.set("act", "show");
    try {
      const reply = await fetch(form.getAttribute("action"), { method: "POST", body: sent });
      if (mine !== asked) return;
      if (!reply.ok || reply.redirected) throw reply;
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (mine !== asked || lost) return;
      body.className = fresh.body.className + " scripted";
      all(".four .markcell", (e) => e.replaceWith(fresh.querySelector(".four .markcell")));
      fresh.querySelectorAll("[data-reads]").forEach((next) => {
        const old = document.getElementById(next.id);
        if (old && !old.contains(document.activeElement)) old.replaceWith(next);
        else if (old) old.removeAttribute("aria-busy");
      });
    } catch {
      all("[data-reads]:not(select)", (e) => { e.textContent = "…"; });
    }
  };
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !("shows" in form.dataset)) return;
    // What stood there is of before: it is not said while the new is not known.
    all("[data-reads]", (e) => e.setAttribute("aria-busy", "true"));
    asked += 1;
    clearTimeout(waits);
    waits = setTimeout(() => { if (lost) all("[data-reads]", (e) => e.removeAttribute("aria-busy")); else shown(form); }, 200);
  });

  // ---- clocks ----
  const tick = () => {
    // The door has no stream, and who types a password takes their time.
    if (body.dataset.position && Date.now() - heard > LOST_MS) dead();
    all("[data-clock]", (e) => put(e, wall(+e.dataset.clock, true)));
    all("[data-clock-hm]", (e) => put(e, wall(+e.dataset.clockHm, false)));
    const [today, dates] = [Math.floor((now() + body.dataset.ahead * 60000) / 864e5), (e) => e.dataset.days.split("|")];
    all("[data-days]", (e) => put(e, dates(e)[today - dates(e)[0] + 1] || e.textContent));
    all("[data-lost]", (e) => put(e, span(Date.now() - heard)));
    if (lost) return;
    all("[data-until]", (e) => {
      const left = Date.parse(e.dataset.until) - now();
      put(e, left >= 0 ? span(left) : (body.dataset.past || "").replace("0", span(-left)));
    });
    all("[data-left]", (e) => put(e, Math.max(0, Math.ceil((Date.parse(e.dataset.left) - now()) / 1000)) + " " + seconds));
    all("[data-five]", (e) => {
      const left = Math.ceil((Date.parse(e.dataset.five) - now()) / 1000);
      [...e.children].forEach((cell, n) => cell.classList.toggle("on", n < left));
    });
    all("[data-since]", (e) => put(e, span(now() - Date.parse(e.dataset.since))));
  };

  // Copying and printing need a script, so their keys appear only where one runs. A browser may not let a page copy: then the lines
  // are chosen, and a person copies them.
  const copy = async (list, note) => {
    const lines = [...list.querySelectorAll("li")].map((line) => line.textContent.trim()).join("\n");
    const done = navigator.clipboard && await navigator.clipboard.writeText(lines).then(() => true, () => false);
    if (!done) getSelection().selectAllChildren(list);
    note.textContent = done ? note.dataset.copied : note.dataset.chosen;
  };
  const tools = (event) => {
    const key = event.target.closest("[data-copy], [data-print], [data-again]");
    if (!key) return;
    if (key.dataset.copy) copy(document.querySelector(key.dataset.copy), key.parentElement.querySelector("[role=status]"));
    else if ("print" in key.dataset) print();
    else location.assign(body.dataset.page || location.pathname + location.search);
  };
  document.addEventListener("click", tools);
  // A page that has lost its station sends nothing; and what is taken back, or was read, takes no half-written words along.
  document.addEventListener("submit", async (event) => {
    if (lost) { event.preventDefault(); return; }
    if (!event.target.matches(".unsigned form") || !(isTyped() || stays())) return;
    event.preventDefault();
    const why = await send(event.target, event.submitter);
    if (why) gone.push(why);
    await drawAfter();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) { if (isTyped()) listen(); else location.reload(); } });

  body.classList.add("scripted");
  // A page to write on begins with what it is about, not at its field; on a phone the tabs scroll in their row to the one that is open.
  for (const e of document.querySelectorAll("form[data-shows]:not([data-typed]) [autofocus]")) { e.focus({ preventScroll: true }); scrollTo(0, 0); }
  addEventListener("load", () => all(".mast nav [aria-current]", (e) => { const n = e.parentElement, [a, b] = [e, n].map((x) => x.getBoundingClientRect()); n.scrollLeft += Math.max(0, a.right - b.right + 40) + Math.min(0, a.left - b.left - 40); }));
  for (const e of fields(document)) if ("shows" in e.form.dataset && touched(e)) e.dispatchEvent(new Event("input", { bubbles: true })); // Typed before this ran.
  tick();
  setInterval(tick, 500);
  if (body.dataset.position) listen();
})();
