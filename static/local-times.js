// Shows times in the reader's own time zone, named, and how long ago where the page asks for it.
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(date, now) {
  const seconds = (date - Date.now()) / 1000;
  const unit = units.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? distance.format(Math.round(seconds / unit[1]), unit[0]) : now;
}

document.querySelectorAll("time[datetime]").forEach((time) => {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  time.textContent = "ago" in time.dataset ? `${ago(date, time.dataset.ago)} (${clock.format(date)})` : clock.format(date);
});
