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

  const succeed = () => {
    const card = document.getElementById("card");
    card.replaceChildren(document.getElementById("registered").content.cloneNode(true));
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

  const submit = async (email) => {
    for (let tried = 0; tried < TRIES; tried += 1) {
      let wait = 1;
      try {
        const response = await post(email);
        if (response.ok) return succeed();
        // A firewall in front answers in HTML, and what it says is not about the address.
        const answer = await response.json().catch(() => ({}));
        if (answer.status === "invalid") {
          return fail(form.dataset[REASONS[answer.reason]] || form.dataset.malformed, true);
        }
        wait = Number(response.headers.get("Retry-After")) || 1;
      } catch {
        // No network or no answer in time. Sending again is harmless: an address counts once.
      }
      progress.textContent = form.dataset.retrying;
      // A random part, so that all who were turned away do not come back in the same second.
      await pause(wait + Math.random() * Math.min(2 ** tried, 10));
    }
    fail(form.dataset.busy, false);
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
