// Texts: flat JSON files of the same keys, ../i18n/<language>.json; {name} stands for a value.
// A text "x.one" is taken instead of "x" for a count of 1, where the language has it.
import { remember, remembered, Signal } from "./state.js";

export const LANGUAGES = { en: "English", zh: "中文" };
export const language = new Signal("en");
let texts = {};
let fallback = {};

async function load(name) {
  const response = await fetch(new URL(`../i18n/${name}.json`, import.meta.url));
  return response.json();
}

function preferred() {
  const chosen = remembered("language", "");
  if (chosen in LANGUAGES) return chosen;
  return (navigator.languages ?? []).map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES) ?? "en";
}

export async function setLanguage(name, keep = true) {
  fallback = Object.keys(fallback).length ? fallback : await load("en");
  texts = name === "en" ? fallback : await load(name);
  if (keep) remember("language", name);
  document.documentElement.lang = name;
  language.value = name;
}

export const startLanguage = () => setLanguage(preferred(), false);

export function t(key, values = {}) {
  const singular = values.count === 1 ? texts[`${key}.one`] : undefined;
  const text = singular ?? texts[key] ?? fallback[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// The text of a key that is made of a name of the server's; the name itself where there is none.
export function tName(prefix, name) {
  const key = `${prefix}.${name}`;
  return texts[key] ?? fallback[key] ?? String(name ?? "");
}
