"use strict";
(() => {
  const form = document.getElementById("filter");
  if (form) {
    const names = ["set", "topic", "got", "kind"];
    const output = form.querySelector("output");
    const cards = Array.from(document.querySelectorAll(".case"), (element) => ({
      element,
      set: [element.dataset.set],
      topic: [element.dataset.topic],
      got: [element.dataset.got],
      kind: Array.from(element.querySelectorAll(".kind"), (tag) => tag.textContent),
      text: element.textContent.toLowerCase(),
    }));
    const matches = (card, wanted) =>
      names.every((name) => !wanted[name] || card[name].includes(wanted[name])) &&
      (!wanted.text || card.text.includes(wanted.text.toLowerCase()));
    const fields = () => Array.from(form.elements).filter((field) => field.name);
    const chosen = () => Object.fromEntries(fields().map((field) => [field.name, field.value]));
    const show = () => {
      const wanted = chosen();
      let shown = 0;
      for (const card of cards) {
        const keep = matches(card, wanted);
        card.element.hidden = !keep;
        shown += keep ? 1 : 0;
      }
      output.textContent = `${shown} of ${cards.length} failing cases shown`;
    };
    const remember = () => {
      const kept = new URLSearchParams(Object.entries(chosen()).filter(([, value]) => value));
      history.replaceState(null, "", kept.size ? `#filter:${kept}` : "#cases");
    };
    const follow = () => {
      const hash = decodeURI(location.hash);
      if (hash.startsWith("#filter:")) {
        const wanted = new URLSearchParams(location.hash.slice("#filter:".length));
        for (const field of fields()) field.value = wanted.get(field.name) || "";
        show();
        document.getElementById("cases").scrollIntoView();
      } else if (/^#case-\d+$/.test(hash)) {
        const target = document.getElementById(hash.slice(1));
        if (target && target.hidden) {
          form.reset();
          show();
          target.scrollIntoView();
        }
      }
    };
    for (const cell of document.querySelectorAll("[data-filter]")) {
      const wanted = Object.fromEntries(new URLSearchParams(cell.dataset.filter));
      const count = cards.filter((card) => matches(card, wanted)).length;
      if (!count) continue;
      const link = document.createElement("a");
      link.href = `#filter:${cell.dataset.filter}`;
      link.title = `show the ${count} failing cases of this`;
      link.append(...cell.childNodes);
      cell.append(link);
    }
    form.hidden = false;
    form.addEventListener("input", () => { show(); remember(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => { show(); remember(); }));
    addEventListener("hashchange", follow);
    show();
    follow();
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
})();
