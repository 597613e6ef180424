// Numbers, sizes and times as people read them. null and undefined are "–": not known.
import { language, t } from "./i18n.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
export const UNKNOWN = "–";
const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const locale = () => (language.value === "zh" ? "zh-CN" : "en-GB");
const withDigits = (value, digits) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value);

export function number(value, digits = 0) {
  return known(value) ? withDigits(value, digits) : UNKNOWN;
}

// 1234567 → "1.2 M"
export function short(value) {
  if (!known(value)) return UNKNOWN;
  const steps = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const [size, unit] = steps.find(([one]) => Math.abs(value) >= one) ?? [1, ""];
  const scaled = value / size;
  return withDigits(scaled, Math.abs(scaled) < 10 ? 1 : 0) + (unit && ` ${unit}`);
}

export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  let scaled = Math.abs(value);
  let unit = 0;
  while (scaled >= 1000 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${value < 0 ? "-" : ""}${withDigits(scaled, digits)} ${UNITS[unit]}`;
}

export const rate = (value) => (known(value) ? `${bytes(value)}/s` : UNKNOWN);
export const perSecond = (value) => (known(value) ? `${short(value)}/s` : UNKNOWN);
export const percent = (value, digits = 0) => (known(value) ? `${withDigits(value * 100, digits)} %` : UNKNOWN);

export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const size = Math.abs(seconds);
  if (size === 0) return t("time.seconds", { n: 0 });
  if (size < 0.001) return `${withDigits(seconds * 1e6, 0)} µs`;
  if (size < 1) return `${withDigits(seconds * 1e3, size < 0.01 ? 1 : 0)} ms`;
  if (size < 60) return t("time.seconds", { n: withDigits(seconds, size < 10 ? 1 : 0) });
  if (size < 3600) return t("time.minutes", { n: withDigits(seconds / 60, 0) });
  if (size < 2 * 86400) return t("time.hours", { n: withDigits(seconds / 3600, size < 36000 ? 1 : 0) });
  if (size < 730 * 86400) return t("time.days", { n: withDigits(seconds / 86400, 0) });
  return t("time.years", { n: withDigits(seconds / (365 * 86400), 1) });
}

export const asDate = (value) => (value instanceof Date ? value : new Date(typeof value === "number" ? value * 1000 : value));

export function time(value) {
  if (!known(value) || value === "") return UNKNOWN;
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(asDate(value));
}

export function clockTime(value) {
  if (!known(value)) return UNKNOWN;
  return new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(asDate(value));
}

export function ago(value) {
  if (!known(value) || value === "") return UNKNOWN;
  const seconds = (Date.now() - asDate(value).getTime()) / 1000;
  if (Math.abs(seconds) < 5) return t("time.now");
  return seconds >= 0 ? t("time.ago", { time: duration(seconds) }) : t("time.in", { time: duration(-seconds) });
}

// A mark on an axis of time; `step`: seconds from one to the next.
export function tick(when, step) {
  const style = step >= 20 * 86400 ? { month: "short", year: "2-digit" }
    : step >= 86400 ? { day: "numeric", month: "short" }
      : step >= 43200 ? { day: "numeric", month: "short", hour: "2-digit" } : { hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined };
  return new Intl.DateTimeFormat(locale(), { hour12: false, ...style }).format(asDate(when));
}
