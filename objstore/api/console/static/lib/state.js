// A value that components follow: read `signal.value`, set it, and whoever called `useSignal` draws anew.
import { useEffect, useState } from "./dom.js";

export class Signal {
  #value;
  #listeners = new Set();

  constructor(value) {
    this.#value = value;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  follow(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export function useSignal(signal) {
  const [, redraw] = useState(0);
  useEffect(() => signal.follow(() => redraw((count) => count + 1)), [signal]);
  return signal.value;
}

// What a person has chosen and wants to find again; never anything secret.
export function remembered(name, fallback) {
  try {
    return localStorage.getItem(`objstore.${name}`) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`objstore.${name}`, value);
  } catch { /* private windows keep nothing */ }
}
