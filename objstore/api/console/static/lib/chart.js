// Lines over time: uPlot in the colours of the page.
// series: [{label, colour: name of a CSS variable, points: [[epoch seconds, value], …], fill?}]; format(value) → text.
import { html, useEffect, useRef } from "./dom.js";
import { bytes, clockTime, number, rate, tick, time } from "./format.js";
import { useSignal } from "./state.js";
import { colour, theme } from "./theme.js";
import uPlot from "../vendor/uplot.js";

const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power); // lines at 512 KiB and 1 MiB, not at 488 and 977 KiB

function aligned(series) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([when]) => when)))].sort((a, b) => a - b);
  const place = new Map(times.map((when, index) => [when, index]));
  const columns = series.map((one) => {
    const values = new Array(times.length).fill(null);
    for (const [when, value] of one.points) values[place.get(when)] = value;
    return values;
  });
  return [times, ...columns];
}

function optionsOf(series, { width, height, format, max, compact, from, to, onPick }) {
  const text = colour("text-soft");
  const line = colour("line");
  const axis = { stroke: text, font: `11px ${colour("font") || "sans-serif"}`, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width, height,
    legend: { show: !compact, live: true },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: from && to ? () => [from, to] : undefined },
      y: { range: (plot, low, high) => [0, max ?? Math.max(high ?? 0, 1) * 1.08] },
    },
    axes: [
      { ...axis, size: 28, space: 84, values: (plot, ticks, place, space, step) => ticks.map((when) => tick(when, step)) },
      { ...axis, size: compact ? 62 : 70, space: compact ? 26 : 40, ...([bytes, rate].includes(format) ? { incrs: BINARY_STEPS } : {}), values: (plot, values) => values.map(format) },
    ],
    series: [
      { value: (plot, when) => (when === null ? "" : time(when)) },
      ...series.map((one) => ({
        label: one.label, stroke: colour(one.colour), width: 1.6, points: { show: (plot) => plot.data[0].length < 4 }, spanGaps: false, dash: one.dash,
        fill: one.fill ? `${colour(one.colour)}26` : undefined, value: (plot, value) => format(value),
      })),
    ],
    hooks: onPick ? { ready: [(plot) => plot.over.addEventListener("click", () => {
      const when = plot.posToVal(plot.cursor.left, "x");
      if (Number.isFinite(when)) onPick(when);
    })] } : {},
  };
}

export function Chart({ label, series, height = 180, format = number, max, compact, from, to, onPick }) {
  const frame = useRef(null);
  const plot = useRef(null);
  const shade = useSignal(theme);
  const shape = JSON.stringify([series.map((one) => [one.label, one.colour]), height, from, to, shade]);
  useEffect(() => {
    const element = frame.current;
    const width = () => Math.max(160, element.clientWidth);
    const made = new uPlot(optionsOf(series, { width: width(), height, format, max, compact, from, to, onPick }), aligned(series), element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: width(), height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(aligned(series)), [series]);
  const last = series.map((one) => {
    const point = one.points[one.points.length - 1];
    return `${one.label}: ${point ? `${format(point[1])} (${clockTime(point[0])})` : "–"}`;
  });
  return html`<div class="chart" role="img" aria-label="${label}. ${last.join("; ")}" ref=${frame}></div>`;
}
