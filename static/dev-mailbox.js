// Renews the list of mail, but never under the hands of someone who is using it.
setInterval(() => {
  const idle = document.activeElement === document.body || document.activeElement === null;
  if (idle && document.visibilityState === "visible") location.reload();
}, 5000);
