// Light, dark, or as the system has it.
import { remember, remembered, Signal } from "./state.js";

export const THEMES = ["system", "light", "dark"];
export const theme = new Signal("system");
const dark = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => theme.value === "dark" || (theme.value === "system" && dark.matches);

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

export function setTheme(name) {
  theme.value = THEMES.includes(name) ? name : "system";
  remember("theme", theme.value);
  apply();
}

export function startTheme() {
  theme.value = THEMES.find((one) => one === remembered("theme", "system")) ?? "system";
  apply();
  dark.addEventListener("change", () => {
    apply();
    theme.value = theme.value;
  });
}

// A colour of the style sheets, for canvases.
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
