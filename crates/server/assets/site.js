// Live pages and the keyboard. Pages work without it.
"use strict";
(() => {
  const body = document.body;

  // The links that MLflow's client prints.
  const linked = /^#\/experiments\/\d+(?:\/runs\/([\w-]+))?/.exec(location.hash);
  if (linked && location.pathname === "/") location.replace(linked[1] ? `/runs/${linked[1]}` : "/experiments");

  // What is marked as fresh is asked for anew when something happened, and put in place where it differs.
  const live = body.dataset.live;
  let asking = false;
  let again = false;

  const isInUse = (region) => {
    const active = document.activeElement;
    const typing = active && region.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName);
    return typing || region.querySelector("details.menu[open], input:checked") !== null;
  };

  const place = (page) => {
    for (const region of document.querySelectorAll("[data-fresh]")) {
      const fresh = page.getElementById(region.id);
      if (!fresh || isInUse(region) || fresh.innerHTML === region.innerHTML) continue;
      const open = [...region.querySelectorAll("details")].map((details) => details.open);
      const focused = [...region.querySelectorAll("a, button, summary")].indexOf(document.activeElement);
      region.innerHTML = fresh.innerHTML;
      region.querySelectorAll("details").forEach((details, at) => {
        if (open[at] !== undefined) details.open = open[at];
      });
      if (focused >= 0) region.querySelectorAll("a, button, summary")[focused]?.focus({ preventScroll: true });
    }
    // A run that has ended changes no more.
    if (!page.body.dataset.live) stop();
  };

  const refresh = async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.ok) place(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The server is gone for now; the stream of events comes back by itself.
    }
    asking = false;
    if (again) {
      again = false;
      setTimeout(refresh, 250);
    }
  };

  let events = null;
  const sign = document.getElementById("live");
  const stop = () => {
    events?.close();
    events = null;
    clearInterval(ticking);
    if (sign) sign.hidden = true;
  };
  const listen = () => {
    events = new EventSource("/api/v1/events");
    events.onopen = () => {
      if (sign) sign.hidden = false;
      refresh();
    };
    events.onerror = () => {
      if (sign) sign.hidden = true;
    };
    for (const name of ["run-started", "step-ended", "run-ended", "model-changed"]) {
      events.addEventListener(name, (event) => {
        if (live !== "all" && JSON.parse(event.data).run !== live) return;
        clearTimeout(waiting);
        waiting = setTimeout(refresh, 120);
      });
    }
  };
  let waiting = 0;
  let ticking = 0;
  if (live && "EventSource" in window) {
    listen();
    // How long a run has been going on is told anew now and then.
    ticking = setInterval(() => {
      if (!document.hidden && document.querySelector(".run-running")) refresh();
    }, 5000);
    addEventListener("pagehide", stop);
    addEventListener("pageshow", (event) => {
      if (event.persisted && !events) listen();
    });
  }

  // A menu closes when one goes elsewhere.
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // The keyboard.
  const places = { h: "/", r: "/runs", p: "/pipelines", d: "/data", m: "/models", s: "/deployments" };
  const help = [
    ["/", "search"],
    ["g then h, r, p, d, m, s", "home, runs, pipelines, data, models, deployments"],
    ["j, k", "down and up a list"],
    ["Enter", "open"],
    ["x", "choose for a comparison"],
    ["c", "compare what is chosen"],
    ["?", "these keys"],
  ];
  let going = false;
  let at = -1;

  const rows = () => [...document.querySelectorAll("table.list tbody tr, .hits li")];
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    at = Math.min(Math.max(at + by, 0), all.length - 1);
    all.forEach((row, position) => row.classList.toggle("at", position === at));
    const link = all[at].querySelector("a.go");
    link?.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };

  const show = () => {
    let dialog = document.querySelector("dialog.keys");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "keys";
      dialog.setAttribute("aria-labelledby", "keys-title");
      const title = document.createElement("h2");
      title.id = "keys-title";
      title.textContent = "Keys";
      const list = document.createElement("dl");
      for (const [keys, what] of help) {
        const term = document.createElement("dt");
        const key = document.createElement("kbd");
        key.textContent = keys;
        term.append(key);
        const told = document.createElement("dd");
        told.textContent = what;
        list.append(term, told);
      }
      const form = document.createElement("form");
      form.method = "dialog";
      const close = document.createElement("button");
      close.className = "button";
      close.textContent = "Close";
      form.append(close);
      dialog.append(title, list, form);
      body.append(dialog);
    }
    dialog.showModal();
  };

  addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (going) {
      going = false;
      if (places[key]) {
        event.preventDefault();
        location.href = places[key];
      }
      return;
    }
    if (key === "/") document.getElementById("q").focus();
    else if (key === "g") going = true;
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "x") rows()[at]?.querySelector("input[type=checkbox]")?.click();
    else if (key === "c") document.querySelector("form[action$='/compare']")?.requestSubmit();
    else if (key === "?") show();
    else return;
    event.preventDefault();
  });
})();
