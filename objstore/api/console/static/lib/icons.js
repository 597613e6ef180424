// Icons: strokes on a grid of 24, in the colour of the text. They stand beside a text or carry an aria-label's button.
import { html } from "./dom.js";

const PATHS = {
  picture: "M3 12c4 0 4-6 9-6s5 6 9 6M3 12c4 0 4 6 9 6s5-6 9-6",
  buckets: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6l2 13c.3 1.2 2.800 2 6 2s5.700-.8 6-2l2-13",
  lifecycle: "M20 12a8 8 0 1 1-2.500-5.800M20 4v4h-4M12 8v4l3 2",
  cluster: "M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01M12 7h4M12 17h4",
  identities: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-7 7-7s7 3 7 7M16 3.500a4 4 0 0 1 0 7M19 21c0-3-1-5-3-6.500",
  jobs: "M4 6h10M4 12h10M4 18h6M17 5l2 2 3-3M17 11l2 2 3-3",
  events: "M6 9a6 6 0 1 1 12 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 0 0 4 0",
  audit: "M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6",
  sun: "M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM12 1v2M12 21v2M4.200 4.200l1.400 1.400M18.400 18.400l1.400 1.400M1 12h2M21 12h2M4.200 19.800l1.400-1.400M18.400 5.600l1.400-1.400",
  moon: "M21 13a9 9 0 1 1-10-10 7 7 0 0 0 10 10z",
  system: "M3 4h18v12H3zM8 20h8M12 16v4",
  language: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  signout: "M15 4h4v16h-4M10 8l-4 4 4 4M6 12h10",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6L6 18",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  plus: "M12 5v14M5 12h14",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  upload: "M12 16V5M7 9l5-5 5 5M5 20h14",
  refresh: "M20 12a8 8 0 1 1-2.500-5.800M20 4v4h-4",
  check: "M5 12l5 5 9-10",
  warning: "M12 3l10 18H2zM12 10v5M12 18h.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  folder: "M3 6h7l2 2h9v11H3z",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  link: "M10 14a4 4 0 0 0 6 0l4-4a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-4 4a4 4 0 0 0 6 6l1-1",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7z",
  zoomout: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4M8 11h6",
  chevron: "M9 6l6 6-6 6",
  up: "M12 19V5M6 11l6-6 6 6",
  drive: "M4 5h16v14H4zM4 14h16M8 17h.01M12 17h.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  more: "M5 12h.01M12 12h.01M19 12h.01",
};

export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true"
    fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"
    ><path d=${PATHS[name] ?? PATHS.info} /></svg>`;
}
