// Sends a form once. The server handles a double click, but the answer to the second request may confuse.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // After a download the page stays, and may be asked again.
  if (event.defaultPrevented || form.method !== "post" || "downloads" in form.dataset) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// After coming back to the page, the form can be sent again.
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});
