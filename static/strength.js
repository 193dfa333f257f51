// Shows what the server says about a new password, once the typing pauses: the verdict that submitting would get.
const PAUSE_MS = 600;
const SIGNS = { easy: "✗", okay: "✓", strong: "✓✓" };

function addVerdict(input) {
  const verdict = document.createElement("p");
  const steps = document.createElement("span");
  const sign = document.createElement("span");
  const words = document.createElement("span");
  verdict.className = "hint strength";
  verdict.id = `${input.id}-strength`;
  steps.className = "strength-steps";
  for (const part of [steps, sign]) part.setAttribute("aria-hidden", "true");
  words.setAttribute("role", "status"); // always there: screen readers speak what changes in it
  steps.append(...["easy", "okay", "strong"].map(() => document.createElement("i")));
  verdict.append(steps, sign, " ", words);
  input.closest(".field").append(verdict);
  let timer;
  let newest = 0;

  function show(strength, sentence) {
    verdict.dataset.strength = strength;
    sign.textContent = SIGNS[strength] ?? "";
    words.textContent = sentence;
  }

  async function check() {
    const number = ++newest;
    const form = new FormData(input.form);
    form.delete("current_password");
    try {
      const response = await fetch(input.form.dataset.strength, { method: "POST", body: form });
      if (!response.ok || number !== newest) return;
      const { strength, sentence } = await response.json();
      show(strength, sentence);
    } catch {
      show("", ""); // the form will say it
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    newest += 1;
    show("", "");
    if (input.value) timer = setTimeout(check, PAUSE_MS);
  });
}

document.querySelectorAll("form[data-strength] .password > input[autocomplete=new-password]").forEach(addVerdict);
