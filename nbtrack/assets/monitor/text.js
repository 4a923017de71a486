// Text and elements. What comes from elsewhere is only ever text: nothing here writes HTML.

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// Characters that could not be seen, or would turn the text around, in the form JSON gives them.
function visible(text) {
  return String(text).replace(HIDDEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function pretty(data) {
  // line ends and indents are stringify's own; those of values it has escaped already
  return JSON.stringify(data, null, 2).split("\n").map(visible).join("\n");
}

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function button(className, text, onClick) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

// Writing what is there already would end a selection in it.
function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const NUMBER = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const count = (number) => NUMBER.format(number);
const clock = (seconds) => CLOCK.format(seconds * 1000);

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // without the permission, or on a page that is not served securely
    const area = element("textarea");
    area.value = text;
    area.style.position = "fixed";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
