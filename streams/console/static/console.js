// Times in the reader's own zone, and a word when the list is no longer as it is shown.
// The pages are complete without it.
"use strict";

const FORMS = {
  moment: { dateStyle: "medium", timeStyle: "short" },
  day: { dateStyle: "medium" },
};

for (const element of document.querySelectorAll("time[datetime]")) {
  const form = FORMS[element.dataset.form] || FORMS.moment;
  element.textContent = new Intl.DateTimeFormat(undefined, form).format(
    new Date(element.dateTime),
  );
}

const LOOK_MS = 10_000;
const headline = document.querySelector("[data-version]");
const news = document.querySelector(".news");

async function look() {
  if (document.hidden || !news.hidden) return;
  try {
    const answer = await fetch(location.href, {
      method: "HEAD",
      headers: { "If-None-Match": headline.dataset.version },
      cache: "no-store",
      redirect: "error",
    });
    if (answer.status === 200) news.hidden = false;
  } catch {
    // the worker restarts: the next look finds it
  }
}

if (headline && news) setInterval(look, LOOK_MS);
