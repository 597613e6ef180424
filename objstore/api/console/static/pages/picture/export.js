// The picture as a file: its data as JSON, or what is drawn as PNG.
import { bytes, duration, percent, time } from "../../lib/format.js";
import { t } from "../../lib/i18n.js";
import { colour } from "../../lib/theme.js";

const SCALE = 2;
const MARGIN = 28;
const SHOWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "stroke-opacity", "font-size", "font-weight", "font-family", "text-anchor",
  "paint-order", "stroke-linejoin", "stroke-linecap"];

export function save(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}

export function exportJson(picture) {
  save(new Blob([JSON.stringify(picture, null, 2)], { type: "application/json" }), `objstore-picture-${picture.at}.json`);
}

// A drawing by itself: what style sheets say of it goes into attributes.
async function imageOf(svg) {
  const copy = svg.cloneNode(true);
  const before = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, index) => {
    const style = getComputedStyle(before[index]);
    for (const name of SHOWN) element.setAttribute(name, style.getPropertyValue(name));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return { image, width: svg.width.baseVal.value, height: svg.height.baseVal.value };
  } finally {
    URL.revokeObjectURL(url);
  }
}

function lines(picture) {
  const { verdict } = picture;
  return [
    `${t("verdict.health")}: ${t(`verdict.${verdict.health}`)}`,
    `${t("verdict.capacity")}: ${bytes(verdict.usable_bytes.free)} / ${bytes(verdict.usable_bytes.total)}`,
    `${t("verdict.hits")}: ${percent(verdict.hit_ratio.requests, 1)}`,
    `${t("verdict.ttfb")}: ${duration(verdict.ttfb_p99_seconds.all)}`,
    `${t("verdict.redundancy")}: ${bytes(verdict.reduced_redundancy.bytes)}`,
  ];
}

export async function exportPng(picture) {
  const drawn = await Promise.all(["flow-svg", "map-svg"].map((id) => document.getElementById(id)).filter(Boolean).map(imageOf));
  const width = Math.max(900, ...drawn.map((one) => one.width)) + 2 * MARGIN;
  const height = 92 + drawn.reduce((sum, one) => sum + one.height + MARGIN, 0) + 10;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  const context = canvas.getContext("2d");
  context.scale(SCALE, SCALE);
  context.fillStyle = colour("surface");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("text");
  context.font = `600 20px ${colour("font")}`;
  context.fillText(`objstore · ${time(picture.at)}`, MARGIN, 40);
  context.fillStyle = colour("text-soft");
  context.font = `13px ${colour("font")}`;
  context.fillText(lines(picture).join("    "), MARGIN, 66);
  let y = 92;
  for (const one of drawn) {
    context.drawImage(one.image, MARGIN, y, one.width, one.height);
    y += one.height + MARGIN;
  }
  canvas.toBlob((blob) => save(blob, `objstore-picture-${picture.at}.png`), "image/png");
}
