// Lets people look at the password they type, which makes typing it twice needless.
function addShowButton(input) {
  const label = document.querySelector(`label[for="${input.id}"]`).textContent.trim();
  const button = document.createElement("button");
  const spoken = document.createElement("span");
  button.type = "button";
  button.className = "button show-password";
  button.setAttribute("aria-controls", input.id);
  spoken.className = "visually-hidden";
  spoken.setAttribute("role", "status");

  function show(visible) {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} ${label.toLowerCase()}`);
  }

  button.addEventListener("click", () => {
    show(input.type === "password");
    spoken.textContent = input.type === "text" ? "Your password is visible." : "Your password is hidden.";
  });
  // A password left visible would be remembered by the browser as ordinary text.
  input.form.addEventListener("submit", () => show(false));
  show(false);
  input.after(button, spoken);
}

function hideRepeated(repeated) {
  const copy = repeated.querySelector("input");
  const original = document.getElementById(repeated.dataset.repeats);
  const refused = (input) => input.getAttribute("aria-invalid") === "true";
  if (refused(copy) && !refused(original)) return; // the error is about this field alone: keep it visible
  document.querySelector(`[role="alert"] a[href="#${copy.id}"]`)?.closest("li").remove();
  repeated.hidden = true;
  copy.form.addEventListener("submit", () => { copy.value = original.value; });
}

document.querySelectorAll("[data-repeats]").forEach(hideRepeated);
document.querySelectorAll(".password > input").forEach(addShowButton);
