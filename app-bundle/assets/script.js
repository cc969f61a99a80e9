// Chooses the language at `/`, where an edge in front forwards nothing by which the server could.
// Sends the form without leaving the page, and tries again by itself while the site is too busy.
// Every text comes from the page, which works without this script.
(() => {
  "use strict";

  if (location.pathname === "/") {
    const links = Array.from(document.querySelectorAll("nav a[hreflang]"));
    const wanted = (navigator.languages || [navigator.language || ""]).map((tag) => tag.toLowerCase().split("-")[0]);
    const known = wanted.find((tag) => links.some((link) => link.hreflang === tag));
    if (known && known !== document.documentElement.lang) {
      location.replace(links.find((link) => link.hreflang === known).href);
      return;
    }
  }

  // In the visitor's own time and words.
  document.querySelectorAll("time").forEach((time) => {
    const when = new Date(time.dateTime);
    const shown = { dateStyle: "medium", timeStyle: "short" };
    if (!isNaN(when)) time.textContent = when.toLocaleString(document.documentElement.lang, shown);
  });

  const form = document.getElementById("form");
  if (!form || !window.fetch || !window.AbortController) return;

  const field = form.elements.email;
  const error = document.getElementById("error");
  const progress = document.getElementById("progress");
  const button = form.querySelector("button");
  const TRIES = 8;
  // By what the server calls them, so that a text of its own can never be shown.
  const REASONS = { empty: "empty", too_long: "tooLong" };
  let sending = false;

  // The server's own check decides what an address is; the browser's messages are not tied to the field.
  form.noValidate = true;

  const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

  const fail = (text, atField) => {
    error.textContent = text;
    progress.textContent = "";
    if (atField) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  };

  const succeed = (ticket) => {
    const card = document.getElementById("card");
    const registered = document.getElementById("registered").content.cloneNode(true);
    card.textContent = "";
    registered.getElementById("ticket").textContent = ticket || "—";
    card.appendChild(registered);
    card.querySelector("section").focus();
  };

  const post = async (email) => {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 10000);
    try {
      return await fetch(form.action, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ email }),
        credentials: "omit",
        cache: "no-store",
        signal: limit.signal,
      });
    } finally {
      clearTimeout(timer);
    }
  };

  // What the site said; nothing where no answer came in time, or ours did not arrive there in time.
  const ask = async (email) => {
    try {
      const response = await post(email);
      if (response.status === 408) return null;
      // What is not the site's own answer, as a firewall's or a hotspot's page, says nothing of the address.
      const answer = await response.json().catch(() => ({}));
      return { answer, wait: Number(response.headers.get("Retry-After")) || 1 };
    } catch {
      return null;
    }
  };

  const submit = async (email) => {
    for (let tried = 1; ; tried += 1) {
      const said = await ask(email);
      if (said && said.answer.status === "registered") return succeed(said.answer.ticket);
      if (said && said.answer.status === "invalid") {
        return fail(form.dataset[REASONS[said.answer.reason]] || form.dataset.malformed, true);
      }
      if (said && said.answer.status === "closed") return fail(form.dataset.closed, false);
      if (said && said.answer.status === "unreadable") return fail(form.dataset.unreadable, false);
      if (tried === TRIES) return fail(said ? form.dataset.busy : form.dataset.unanswered, false);
      // Sending again is harmless: an address counts once.
      progress.textContent = said ? form.dataset.retrying : form.dataset.offline;
      // A random part, so that all who were turned away do not come back in the same second.
      await pause((said ? said.wait : 1) + Math.random() * Math.min(2 ** (tried - 1), 10));
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    button.setAttribute("aria-disabled", "true");
    error.textContent = "";
    field.removeAttribute("aria-invalid");
    progress.textContent = form.dataset.sending;
    try {
      await submit(field.value);
    } finally {
      sending = false;
      button.removeAttribute("aria-disabled");
    }
  });
})();
