// Shows what the server says about a new password, once the typing pauses: the verdict that submitting would get.
const PAUSE_MS = 600;

function addHint(input) {
  const hint = document.createElement("p");
  hint.className = "hint strength";
  hint.id = `${input.id}-strength`;
  hint.setAttribute("aria-live", "polite");
  input.closest(".field").append(hint);
  let timer;
  let newest = 0;

  async function check() {
    const number = ++newest;
    const form = new FormData(input.form);
    form.delete("current_password");
    try {
      const response = await fetch(input.form.dataset.strength, { method: "POST", body: form });
      if (!response.ok || number !== newest) return;
      const verdict = await response.json();
      hint.textContent = `${verdict.accepted ? "✓" : "✗"} ${verdict.sentence}`;
    } catch {
      hint.textContent = ""; // the form will say it
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    newest += 1;
    hint.textContent = "";
    if (input.value) timer = setTimeout(check, PAUSE_MS);
  });
}

document.querySelectorAll("form[data-strength] .password > input[autocomplete=new-password]").forEach(addHint);
