// Counts down until another link may be asked for. Seen every second, spoken once: when it is over.
const button = document.querySelector("[data-wait]");

if (button && Number(button.dataset.wait) > 0) {
  const wait = document.getElementById(button.getAttribute("aria-describedby"));
  const ready = document.getElementById("resend-ready");
  const over = Date.now() + Number(button.dataset.wait) * 1000;

  const tick = () => {
    const seconds = Math.ceil((over - Date.now()) / 1000);
    if (seconds > 0) {
      const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      wait.textContent = wait.dataset.counting.replace("{time}", clock);
      return;
    }
    clearInterval(timer);
    button.disabled = false;
    button.form.hidden = false;
    wait.textContent = "";
    ready.textContent = ready.dataset.ready;
  };

  const timer = setInterval(tick, 1000);
  button.disabled = true;
  tick();
}
