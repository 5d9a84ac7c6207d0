// The site's only script beside Bootstrap's: contents of a page, copying of code, search. Nothing is
// fetched from elsewhere, so that the site works from a directory without a network.
"use strict";

// Code without its output.
function copyButtons() {
  if (!navigator.clipboard) return;
  for (const block of document.querySelectorAll("div.sourceCode, pre.usage")) {
    const button = document.createElement("button");
    button.className = "copy-code";
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", () => {
      const code = block.querySelector("pre, code") || block;
      const lines = code.textContent.split("\n").filter((line) => !line.startsWith("#>"));
      navigator.clipboard.writeText(lines.join("\n")).then(() => {
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      });
    });
    block.classList.add("has-copy");
    block.prepend(button);
  }
}

function tableOfContents() {
  const toc = document.getElementById("toc");
  if (!toc) return;
  const list = document.createElement("ul");
  for (const heading of document.querySelectorAll("main h2, main h3")) {
    const section = heading.id ? heading : heading.closest("[id]");
    if (heading.hasAttribute("data-toc-skip") || !section || section.id === "main") continue;
    const item = document.createElement("li");
    item.className = heading.tagName.toLowerCase();
    const link = document.createElement("a");
    link.href = "#" + section.id;
    link.textContent = heading.textContent.trim();
    item.append(link);
    list.append(item);
  }
  if (list.children.length < 2) toc.remove(); else toc.append(list);
}

// The index is a script, which a page from a directory may load, where it may not fetch a file.
function loadIndex(root) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = root + "search-index.js";
    script.onload = () => resolve(window.searchIndex);
    script.onerror = reject;
    document.head.append(script);
  });
}

// Entries that hold every word, in the heading before the text.
function findEntries(index, words) {
  const found = [];
  for (const entry of index) {
    let score = 0;
    const ok = words.every((word) => {
      if (entry.heading.includes(word)) score += 3;
      else if (entry.page.includes(word)) score += 2;
      else if (!entry.text.includes(word)) return false;
      return true;
    });
    if (ok) found.push({ entry, score });
  }
  found.sort((a, b) => b.score - a.score);
  return found.slice(0, 12).map((one) => one.entry);
}

function search() {
  const input = document.getElementById("search-input");
  if (!input) return;
  const root = input.dataset.searchIndex.replace("search.json", "");
  const results = document.createElement("div");
  results.className = "search-results";
  results.hidden = true;
  input.parentNode.append(results);
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = results.querySelector("a");
    if (first) window.location.href = first.href;
  });
  let index = null;
  async function show() {
    index = index || await loadIndex(root);
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    results.replaceChildren();
    results.hidden = words.length === 0;
    const entries = words.length ? findEntries(index, words) : [];
    for (const entry of entries) {
      const link = document.createElement("a");
      link.href = root + entry.href;
      const title = document.createElement("b");
      title.textContent = entry.title;
      link.append(title, entry.what && entry.what !== entry.title ? " " + entry.what : "");
      results.append(link);
    }
    if (!entries.length) results.append("nothing found");
  }
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") results.hidden = true;
  });
  document.addEventListener("click", (event) => {
    if (!input.parentNode.contains(event.target)) results.hidden = true;
  });
  const asked = new URL(window.location.href).searchParams.get("q");
  if (asked) {
    input.value = asked;
    show();
  }
}

document.addEventListener("DOMContentLoaded", () => {
  tableOfContents();
  copyButtons();
  search();
});
