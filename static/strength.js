// Says what the server thinks of a new password, once the typing pauses: the verdict that submitting would meet.
const PAUSE_MS = 600;

function tellStrength(input) {
  const told = document.createElement("p");
  told.className = "hint strength";
  told.id = `${input.id}-strength`;
  told.setAttribute("aria-live", "polite");
  input.closest(".field").append(told);
  let timer;
  let asked = 0;

  async function ask() {
    const question = ++asked;
    const form = new FormData(input.form);
    form.delete("current_password");
    try {
      const answer = await fetch(input.form.dataset.strength, { method: "POST", body: form });
      if (!answer.ok || question !== asked) return;
      const verdict = await answer.json();
      told.textContent = `${verdict.accepted ? "✓" : "✗"} ${verdict.sentence}`;
    } catch {
      told.textContent = ""; // submitting will tell
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked += 1;
    told.textContent = "";
    if (input.value) timer = setTimeout(ask, PAUSE_MS);
  });
}

document.querySelectorAll("form[data-strength] .password > input[autocomplete=new-password]").forEach(tellStrength);
