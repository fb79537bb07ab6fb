"use strict";
// What the page does beyond showing itself: finding, tabs, the element under the cursor, the theme, unfolding for print.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  root.classList.add("live");

  document.getElementById("theme").addEventListener("change", (event) => {
    if (event.target.value) root.dataset.theme = event.target.value;
    else delete root.dataset.theme;
  });

  // tabs: one panel of each list is shown
  const select = (tab) => {
    for (const other of all("[role=tab]", tab.parentElement)) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
  };
  for (const list of all("[role=tablist]")) {
    const tabs = all("[role=tab]", list);
    select(tabs[0]);
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) select(tab);
    });
    list.addEventListener("keydown", (event) => {
      const at = tabs.indexOf(document.activeElement);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const tab = tabs[(to + tabs.length) % tabs.length];
      select(tab);
      tab.focus();
    });
  }
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    if (target.getAttribute("role") === "tabpanel") {
      const tab = document.getElementById(target.id + "-t");
      select(tab);
      tab.focus({ preventScroll: true });
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    // a second click on the same link changes no hash
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) reveal();
  });

  // heat maps: the element under the pointer, or under the cursor that the arrow keys move
  for (const maps of all(".maps")) {
    const data = JSON.parse(document.getElementById(maps.dataset.maps).textContent);
    const output = maps.parentElement.querySelector("output");
    const [columns, rows, width, height] = ["columns", "rows", "width", "height"].map((name) => Number(maps.dataset[name]));
    const left = 30, top = 16; // pixels that the indices need
    const cursors = all(".cursor", maps);
    let at = Number(maps.dataset.worst);
    const show = (place, marked) => {
      at = place;
      for (const cursor of cursors) {
        cursor.setAttribute("x", left + (at % columns) * width);
        cursor.setAttribute("y", top + Math.floor(at / columns) * height);
        cursor.setAttribute("visibility", marked ? "visible" : "hidden");
      }
      const where = data.index[at] === "[]" ? "the number" : "at " + data.index[at];
      output.textContent = where + ": " + data.titles.map((title, k) => title + " " + data.values[k][at]).join("; ");
    };
    const point = (event) => {
      const picture = event.target.closest("svg.map");
      if (!picture) return;
      const box = picture.getBoundingClientRect(), scale = picture.viewBox.baseVal.width / box.width;
      const x = Math.floor(((event.clientX - box.left) * scale - left) / width);
      const y = Math.floor(((event.clientY - box.top) * scale - top) / height);
      if (x >= 0 && x < columns && y >= 0 && y < rows) show(y * columns + x, true);
    };
    maps.addEventListener("pointermove", point);
    maps.addEventListener("pointerdown", point);
    maps.addEventListener("focus", () => show(at, true));
    maps.addEventListener("keydown", (event) => {
      const x = at % columns, y = Math.floor(at / columns);
      const to = {
        ArrowLeft: [x - 1, y], ArrowRight: [x + 1, y], ArrowUp: [x, y - 1], ArrowDown: [x, y + 1],
        Home: [0, y], End: [columns - 1, y], PageUp: [x, 0], PageDown: [x, rows - 1],
      }[event.key];
      if (!to) return;
      event.preventDefault();
      if (to[0] >= 0 && to[0] < columns && to[1] >= 0 && to[1] < rows) show(to[1] * columns + to[0], true);
    });
  }

  // finding: gradients by their name, their function and their verdict
  const search = document.getElementById("search"), matches = document.getElementById("matches");
  const lines = all(".verdicts tbody tr");
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (element) => words.every((word) => element.dataset.name.toLowerCase().includes(word));
    let count = 0;
    for (const section of all(".function")) {
      let any = fits(section);
      for (const line of all(".verdicts tbody tr", section)) {
        line.hidden = !fits(line);
        if (!line.hidden) { any = true; count += 1; }
      }
      section.hidden = !any;
      for (const item of all(`.functions li[data-for="${section.id}"]`)) item.hidden = !any;
    }
    matches.textContent = words.length ? `${count} of ${lines.length} gradients` : "";
  };
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { search.value = ""; find(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = all("a.move").filter((link) => link.offsetParent);
    const here = links.indexOf(document.activeElement);
    if (step && (here >= 0 || document.activeElement === search) && links.length) {
      event.preventDefault();
      links[Math.min(Math.max(here < 0 ? 0 : here + step, 0), links.length - 1)].focus();
    }
  });

  // paper has no folds
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const box of folded) box.open = true;
  });
  addEventListener("afterprint", () => {
    for (const box of folded) box.open = false;
  });

  reveal();
})();
