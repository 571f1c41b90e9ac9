const violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.blockedURI));
addEventListener("load", () => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const text = (element) => (element ? element.textContent.trim() : null);
  const cells = (row) => [...row.cells].map((cell) => text(cell));

  // Colours as numbers 0 to 1: `rgb(…)`, `rgba(…)` and what color-mix becomes, `color(srgb …)`.
  const colour = (value) => {
    const numbers = value.match(/[\d.]+(e-?\d+)?/g).map(Number);
    const scale = value.startsWith("color(") ? 1 : 255;
    return { rgb: numbers.slice(0, 3).map((n) => n / scale), alpha: numbers.length > 3 ? numbers[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, alpha } = colour(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [1, 1, 1];
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const visible = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 0;
  const faint = all("body *:not(script, style)")
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((element) => visible(element) && !element.closest("[aria-hidden]"))
    .map((element) => {
      const style = getComputedStyle(element);
      const drawn = element.closest("svg") ? style.fill : style.color;
      return { text: text(element).slice(0, 40), ratio: contrast(colour(drawn).rgb, ground(element)) };
    })
    .filter(({ ratio }) => ratio < 4.5);

  const width = document.documentElement.clientWidth;
  const beyond = all("body *")
    .filter((element) => !element.closest(".scroll, .skip, .name") && visible(element))
    .filter((element) => element.getBoundingClientRect().right > width + 0.5)
    .map((element) => element.tagName + " " + text(element).slice(0, 40));
  const ids = all("[id]").map((element) => element.id);
  const seen = {
    title: document.title,
    width: innerWidth,
    contentWidth: document.documentElement.scrollWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    beyond,
    faint,
    violations,
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    scripts: document.scripts.length,
    handlers: all("*").filter((element) => element.getAttributeNames().some((name) => name.startsWith("on"))).length,
    repeatedIds: ids.filter((id, place) => ids.indexOf(id) !== place),
    deadLinks: all("a").map((a) => a.getAttribute("href")).filter((to) => !to.startsWith("#") || !ids.includes(to.slice(1))),
    tablesWithoutCaption: all("table").filter((table) => !table.caption).length,
    headingsWithoutScope: all("th").filter((th) => !th.scope).length,
    pictures: all("img").map((img) => ({
      alt: img.alt, inPage: img.src.startsWith("data:image/jpeg;base64,"), drawn: img.naturalWidth > 0,
    })),
    headings: all("h2").map(text),
    headline: text(document.querySelector(".answer .figure")),
    facts: all(".answer dl > div").map((div) => [text(div.querySelector("dt")), text(div.querySelector("dd"))]),
    nextSteps: all(".next li").map((li) => [text(li.querySelector("h3")), text(li.querySelector("p"))]),
    tags: all("table.tags tbody tr").map((row) => ({ id: row.dataset.tag, name: text(row.querySelector(".tag")), cells: cells(row).slice(1) })),
    matrix: all("table.matrix tbody tr").map((row) => cells(row)),
    mistakes: all(".mistake").map((section) => ({
      id: section.id, heading: text(section.querySelector("h4")),
      photos: all("figure", section).map((figure) => figure.dataset.photo), more: text(section.querySelector(".more")),
    })),
    curves: all("svg.curve").map((svg) => svg.getAttribute("aria-label")),
    calibration: all("table.errors tbody tr").map((row) => cells(row)),
    comparison: all("table.compared tbody tr").map((row) => cells(row)),
    changes: text(document.querySelector("#comparison .lead")),
    findings: all("#photos h3").map(text),
    suspicious: all("#photos figure").map((figure) => figure.dataset.photo),
    learning: all("#learning polyline").map((line) => line.getAttribute("points").split(" ").length),
    settings: Object.fromEntries(all(".settings > div").map((div) => [text(div.querySelector("dt")), text(div.querySelector("dd"))])),
    gone: all(".gone").map(text),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(seen));
  parent.postMessage([...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""), "*");
});
