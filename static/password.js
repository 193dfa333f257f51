// Lets people look at the password they type, which makes typing it twice needless, and tells them of caps lock.
// Its words are in the template.
function addStatus(after, className) {
  const status = document.createElement("p");
  status.className = className;
  status.setAttribute("role", "status");
  after.after(status);
  return status;
}

function addShowButton(input) {
  const words = input.parentElement.dataset;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button show-password";
  button.setAttribute("aria-controls", input.id);
  input.after(button);
  const spoken = addStatus(button, "visually-hidden");

  function show(visible) {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? words.hide : words.show;
    button.setAttribute("aria-label", visible ? words.hideLabel : words.showLabel);
  }

  button.addEventListener("click", () => {
    show(input.type === "password");
    spoken.textContent = input.type === "text" ? words.visible : words.hidden;
  });
  // A password left visible would be remembered by the browser as ordinary text.
  input.form.addEventListener("submit", () => show(false));
  show(false);
}

function addCapsLockHint(input) {
  const hint = addStatus(input.parentElement, "hint caps-lock");
  const tell = (isOn) => {
    const words = isOn ? input.parentElement.dataset.capsLock : "";
    if (hint.textContent !== words) hint.textContent = words;
  };
  // Both: the key itself changes the state when it is pressed on some systems, when it is released on others.
  for (const type of ["keydown", "keyup"]) {
    input.addEventListener(type, (event) => tell(event.getModifierState?.("CapsLock") ?? false));
  }
  input.addEventListener("blur", () => tell(false));
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
document.querySelectorAll(".password > input").forEach((input) => {
  addShowButton(input);
  addCapsLockHint(input);
});
