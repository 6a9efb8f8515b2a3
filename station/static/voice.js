// Voice on the page of a call: the microphone to this station, and what the others say from it. It decides nothing: who is in the call,
// and as what, is drawn by the station; this follows what is drawn. No sound is kept; which devices were chosen, for as long as this tab.
"use strict";
(() => {
  // Whoever else is in the call has one of seven tracks, always the same.
  const EARS = 7, AGAIN_MS = 2000, UNREACHED_MS = 8000;
  const find = (selector) => document.querySelector(selector), all = (selector) => [...document.querySelectorAll(selector)];
  let connection = null, microphone = null, context = null, own = null, ears = [], known = [];
  let isJoining = false, isTesting = false, isHushed = false, isBarred = false, isMine = false, nextTry = 0, answered = 0, said = "", trouble = "";
  let asks = 0, cameAt = 0, doing = "", wish = ""; // Microphones asked for or let go; when this page connected; what mute does, and shall do next.
  // What is so only as long as there is a place in the call.
  const OF_A_PLACE = ["connecting", "connected", "away", "refused", "elsewhere"], UNHEARD = ["insecure", "denied", "none"];
  // What stays said while a connection is tried, and tried again.
  const TRIED = ["connecting", "away", "blocked"];

  const sound = () => {
    context ||= new AudioContext();
    if (context.state === "suspended") context.resume().catch(() => {});
    return context;
  };
  const listenTo = (stream) => sound().createMediaStreamSource(stream).connect(new AnalyserNode(sound(), { fftSize: 8192, smoothingTimeConstant: 0 }));
  // Decibels above -60, as the meters count.
  const level = (analyser) => {
    const wave = new Float32Array(1024);
    analyser.getFloatTimeDomainData(wave);
    const power = wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
    return Math.max(0, Math.min(60, 60 + 10 * Math.log10(power + 1e-12)));
  };

  // ---- the microphone ----
  let devices = { mic: "", speaker: "", cleans: true };
  try { Object.assign(devices, JSON.parse(sessionStorage.getItem("devices"))); } catch { /* none were chosen here */ }
  const remember = () => {
    if (!find("[data-mic]")) return;
    const of = (choice, was) => (find(choice).options.length > 1 ? find(choice).value : was);
    devices = { mic: of("[data-mic]", devices.mic), speaker: of("[data-speaker]", devices.speaker), cleans: find("[data-echo]").checked };
    sessionStorage.setItem("devices", JSON.stringify(devices));
  };
  document.addEventListener("change", (event) => { if (event.target.closest("[data-mic], [data-speaker], [data-echo]")) remember(); });
  const hear = async () => {
    if (!navigator.mediaDevices) { said = "insecure"; throw new Error("no microphone over plain HTTP"); }
    const { mic, cleans } = devices, audio = { echoCancellation: cleans, noiseSuppression: cleans, autoGainControl: cleans };
    if (mic) audio.deviceId = { exact: mic };
    const mine = ++asks, given = await navigator.mediaDevices.getUserMedia({ audio }).catch((why) => why);
    // One that comes too late is not kept open.
    if (mine !== asks) { given.getTracks?.().forEach((track) => track.stop()); throw new Error("not wanted any more"); }
    // The one that was chosen is not there any more.
    if (given.name === "OverconstrainedError" && mic) { devices.mic = ""; return hear(); }
    if (!given.getTracks) { said = given.name === "NotFoundError" ? "none" : "denied"; throw given; }
    microphone = given;
    // One that is unplugged in a call gives its place to another.
    microphone.getAudioTracks()[0].onended = () => { deafen(); hangUp(); devices.mic = ""; nextTry = 0; };
    own = listenTo(microphone);
    list();
    return microphone;
  };
  const deafen = () => {
    if (microphone) microphone.getTracks().forEach((track) => track.stop());
    [microphone, own, isTesting, asks] = [null, null, false, asks + 1];
  };
  const list = async () => { known = await navigator.mediaDevices.enumerateDevices().catch(() => []); fill(); };
  // As the page is drawn it knows none of them, nor which were chosen.
  const fill = () => [["[data-mic]", "audioinput", devices.mic], ["[data-speaker]", "audiooutput", devices.speaker]].forEach(([selector, kind, chosen]) => {
    const choice = find(selector), own = known.filter((one) => one.kind === kind && one.label && one.deviceId !== "default");
    if (!choice || own.length === 0) return;
    choice.replaceChildren(choice.options[0], ...own.map((one) => new Option(one.label, one.deviceId, false, one.deviceId === chosen)));
  });
  const chosen = () => { fill(); all("[data-echo]").forEach((box) => { box.checked = devices.cleans; }); };
  document.addEventListener("drawn", chosen);

  // ---- the call ----
  const playing = (stream, speaker) => {
    const player = Object.assign(new Audio(), { srcObject: stream });
    if (speaker && player.setSinkId) player.setSinkId(speaker).catch(() => {});
    // Of a page that nobody has touched, and that has no microphone, a browser lets nothing sound.
    player.play().catch((why) => { isBarred ||= why.name === "NotAllowedError"; });
    return player;
  };
  const ear = (track, speaker, stream = new MediaStream([track])) => ({ analyser: listenTo(stream), player: playing(stream, speaker) });
  const touched = () => {
    if (!isBarred) return;
    isBarred = false;
    sound();
    ears.forEach(({ player }) => player.play().catch(() => { isBarred = true; }));
  };
  const hangUp = () => {
    if (connection) connection.close();
    ears.forEach(({ player }) => { player.pause(); player.srcObject = null; });
    [connection, ears, isBarred] = [null, [], false];
  };
  // The page of a call is open twice: the last that connects has its place, the other leaves it. One that is not looked at begins nothing.
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("call") : null;
  if (tabs) tabs.onmessage = ({ data }) => {
    const place = find("[data-call]");
    if (place && place.dataset.offer === data.offer && connection && data.at > cameAt) { nextTry = Infinity; hangUp(); deafen(); said = "elsewhere"; }
    if (data === "left" && said === "elsewhere") nextTry = 0;
  };
  addEventListener("pagehide", () => { if (tabs && connection) tabs.postMessage("left"); });
  const connect = async (place) => {
    if (isJoining || Date.now() < nextTry) return;
    [isJoining, nextTry] = [true, Date.now() + AGAIN_MS];
    try {
      const stream = "listens" in place.dataset ? null : microphone || await hear(); // Whoever only listens needs none.
      if (!TRIED.includes(said)) [said, answered] = ["connecting", 0];
      cameAt = Date.now() + Math.random();
      if (tabs) tabs.postMessage({ offer: place.dataset.offer, at: cameAt });
      const made = connection = new RTCPeerConnection();
      made.addTransceiver(stream ? stream.getAudioTracks()[0] : "audio", { direction: "sendonly" });
      ears = Array.from({ length: EARS }, () => ear(made.addTransceiver("audio", { direction: "recvonly" }).receiver.track, devices.speaker));
      made.onconnectionstatechange = () => {
        if (made !== connection) return;
        const state = made.connectionState;
        if (state === "connected") said = "connected";
        // The place is kept for twenty seconds: the same page offers anew.
        else if (said === "connected") said = "away";
        if (state === "failed" || state === "closed") hangUp();
      };
      await made.setLocalDescription();
      const body = new URLSearchParams({ form: document.body.dataset.form, sdp: made.localDescription.sdp });
      const reply = await fetch(place.dataset.offer, { method: "POST", body });
      if (!reply.ok) { trouble = await window.counterpartPage.why(reply); throw new Error("not answered"); }
      await made.setRemoteDescription({ type: "answer", sdp: await reply.text() });
      [trouble, answered] = ["", answered || Date.now()];
    } catch {
      if (said === "elsewhere") return;
      hangUp();
      // Without a microphone nothing is tried again by itself: the person mends that, and loads the page anew.
      if (UNHEARD.includes(said)) nextTry = Infinity;
      else {
        if (said !== "blocked") said = "refused";
        // Perhaps the place is gone: then the page is drawn without it.
        window.counterpartPage.draw();
      }
    } finally {
      isJoining = false;
    }
  };

  // ---- what rings meanwhile ----
  // It stands as a strip over the call until its person opens it, and again once they lay it by. FLASH is open until then.
  const bell = window.counterpartBell, isLaid = {}, of = (ring) => ring.line + ring.at;
  const opens = (is) => {
    const ring = bell.now();
    if (ring) isLaid[of(ring)] = !is;
    if (ring) bell.again();
    else find("#bell-dialog").close();
  };
  if (bell) {
    bell.talks = () => !!find("[data-call]");
    bell.lays = (ring) => bell.talks() && (isLaid[of(ring)] ?? ring.precedence !== "FLASH");
    bell.tells = async (ring, strip) => {
      if (!strip.matches("[data-aside]")) return;
      const reply = await fetch(`/lines/${ring.line}/ring/${ring.at}`).catch(() => null);
      const told = reply && reply.ok && new DOMParser().parseFromString(await reply.text(), "text/html").querySelector(".ring h1");
      if (told) strip.querySelector("[data-told-what]").textContent = told.textContent;
    };
    find("#bell-dialog").addEventListener("cancel", () => { if (bell.talks()) opens(false); });
  }

  // ---- what is drawn, followed ----
  let before = null;
  // Two minutes, a figure a second; what was not known leaves a gap. What is poor, each plot says.
  const PLOT_SECONDS = 120, plotted = { round: [], loss: [], jitter: [] };
  const plot = () => all("svg[data-plot]").forEach((svg) => {
    const known = plotted[svg.dataset.plot], poor = +svg.dataset.poor, top = Math.max(2 * poor, ...known.map((value) => value ?? 0));
    const [width, height] = [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height], y = (value) => ((1 - value / top) * height).toFixed(1);
    const x = (at) => (width - (known.length - 1 - at) * width / (PLOT_SECONDS - 1)).toFixed(1);
    const step = (value, at) => (value === null ? "" : `${(known[at - 1] ?? null) === null ? "M" : "L"}${x(at)} ${y(value)}`);
    svg.querySelector("path").setAttribute("d", known.map(step).join(""));
    ["y1", "y2"].forEach((end) => svg.querySelector(".poor").setAttribute(end, y(poor)));
    svg.closest("figure").querySelector("[data-top]").textContent = Math.round(top);
  });
  const figures = async () => {
    const stats = connection && [...(await connection.getStats()).values()];
    if (!stats) return;
    const heard = stats.filter((one) => one.type === "inbound-rtp"), sent = stats.find((one) => one.type === "remote-inbound-rtp");
    const sum = (name) => heard.reduce((total, one) => total + (one[name] || 0), 0);
    const now = { came: sum("packetsReceived"), lost: sum("packetsLost") }, last = before || { came: 0, lost: 0 };
    const came = now.came - last.came, lost = Math.max(0, now.lost - last.lost);
    before = now;
    const told = {
      round: sent && sent.roundTripTime !== undefined ? sent.roundTripTime * 1000 : null,
      loss: came + lost > 0 ? lost * 100 / (came + lost) : null,
      jitter: heard.length > 0 ? Math.max(...heard.map((one) => one.jitter || 0)) * 1000 : null,
    };
    for (const [name, value] of Object.entries(told)) {
      plotted[name] = [...plotted[name], value].slice(-PLOT_SECONDS);
      all(`[data-figure="${name}"]`).forEach((cell) => { if (value !== null) cell.textContent = value.toFixed(name === "loss" ? 1 : 0); });
    }
    plot();
  };
  const follow = () => {
    const place = find("[data-call]"), note = find("[data-sound]");
    if (place && !connection && (cameAt || isMine || !document.hidden)) connect(place);
    if (!place) { cameAt = 0; if (connection) { hangUp(); isMine = false; } if (microphone && !isTesting && !isJoining) deafen(); }
    if (!place && OF_A_PLACE.includes(said)) said = navigator.mediaDevices ? "" : "insecure";
    if (place) isTesting = false;
    if (said === "connecting" && answered && Date.now() - answered > UNREACHED_MS) said = "blocked";
    // Whoever mutes is not heard from then on, whenever the station answers.
    const isMuted = !!place && "muted" in place.dataset;
    if ((isMuted && wish !== "mute") || !place) isHushed = false;
    if (microphone) microphone.getAudioTracks().forEach((track) => { track.enabled = !isMuted && !isHushed; });
    // What bars the microphone stands where it is chosen, with what mends it.
    const now = isBarred ? "barred" : isHushed ? "hushed" : said === "connected" && place && "listens" in place.dataset ? "listening" : said;
    const mends = find(`[data-mend="${said}"]`), told = trouble || (note && !mends && note.dataset[now]) || "";
    all("[data-mend]").forEach((e) => { e.hidden = e !== mends; });
    if (find("svg[data-plot] path:not([d])")) plot();
    if (note && note.textContent !== told) note.textContent = told;
    all("meter[data-level]").forEach((meter) => {
      const slot = meter.dataset.level.startsWith("slot-") && ears[+meter.dataset.level.slice(5)];
      const from = meter.dataset.level === "own" ? own : slot && slot.analyser;
      meter.value = from ? level(from) : 0;
    });
    if (isTesting && own && level(own) > 20) said = "heard";
  };
  const tone = () => {
    const hum = new OscillatorNode(sound(), { frequency: 440 }), out = sound().createMediaStreamDestination();
    hum.connect(new GainNode(sound(), { gain: 0.2 })).connect(out);
    // Where the others will be heard.
    playing(out.stream, find("[data-speaker]").value);
    hum.start();
    hum.stop(sound().currentTime + 1);
  };
  document.addEventListener("keydown", touched);
  document.addEventListener("click", (event) => {
    touched();
    if (event.target.closest("[data-tone]")) tone();
    if (event.target.closest("[data-open]")) opens(true);
    // What leads away from a call would hang up.
    const link = event.target.closest("a[href]");
    if (link && find("[data-call]")) link.target = "_blank";
    if (event.target.closest("[data-test]")) {
      deafen();
      hear().then(() => { [isTesting, nextTry] = [true, 0]; }, () => {});
    }
  });
  // What is done in a call must not load the page anew: that would hang up.
  document.addEventListener("submit", async (event) => {
    const form = event.target, key = event.submitter;
    if (!form.matches("form[data-stays]")) return;
    // On a page that has lost its station, which is told nothing, the key mutes and lets be heard again.
    const mutes = /mute$/.test(key?.value);
    if (mutes) isHushed = key.value === "mute" && !(event.defaultPrevented && isHushed);
    if (event.defaultPrevented) { wish = ""; return; }
    event.preventDefault();
    // Pressed again before it is done: what is wished last is done after it.
    if (mutes && doing) { wish = (wish || doing) === "mute" ? "unmute" : "mute"; isHushed ||= wish === "mute"; return; }
    if (mutes) [doing, wish] = [key.value, ""];
    sound();
    // What barred the microphone may have been mended.
    if (!find("[data-call]")) { deafen(); [nextTry, said, isMine] = [0, "", true]; }
    // What is sent is read at once; a key that is off would not be sent along.
    const sent = window.counterpartPage.send(form, key);
    if (key && !mutes) key.disabled = true;
    trouble = await sent.then((told) => (mutes && told === document.body.dataset.unsure ? "" : told)); // A mute signs nothing.
    if (trouble) isMine = false; else form.reset();
    await window.counterpartPage.draw();
    if (key) key.disabled = false;
    const next = find("[data-key=mute]"), again = mutes && next?.value === wish;
    if (mutes) [isHushed, doing, wish] = [isHushed && wish !== "unmute" && !again, "", again ? "" : wish];
    if (again) next.click();
  });
  chosen();
  if (navigator.mediaDevices) { list(); navigator.mediaDevices.addEventListener("devicechange", list); }
  if (!navigator.mediaDevices) said = "insecure";
  else if (navigator.permissions) navigator.permissions.query({ name: "microphone" }).then(({ state }) => { if (state === "denied" && !said) said = "denied"; }, () => {});
  setInterval(follow, 200);
  setInterval(() => figures().catch(() => {}), 1000);
  // For whoever measures what is played: a track each, in the order of the tracks.
  window.counterpartEars = () => ears.map(({ analyser }) => analyser);
})();
