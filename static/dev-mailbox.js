// Reloads the list of mail, unless somebody is using the page.
setInterval(() => {
  const idle = document.activeElement === document.body || document.activeElement === null;
  if (idle && document.visibilityState === "visible") location.reload();
}, 5000);
