// Places in the console are hashes: #/buckets/my%20bucket?prefix=a%2F. Every segment is encoded by itself.
import { Signal } from "./state.js";

function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const pairs = query.split("&").filter(Boolean).map((pair) => {
    const [name, ...value] = pair.split("=");
    return [decoded(name), decoded(value.join("="))];
  });
  return { path: path.split("/").filter(Boolean).map(decoded), query: Object.fromEntries(pairs) };
}

// {path: ["buckets", "my bucket"], query: {prefix: "a/"}}
export const route = new Signal(parse(location.hash));
addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

// href of a place: link("buckets", name, {prefix: "a/"})
export function link(...parts) {
  const last = parts[parts.length - 1];
  const query = last !== null && typeof last === "object" ? parts.pop() : {};
  const text = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  return `#/${parts.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

export function go(...parts) {
  location.hash = link(...parts);
}

// Another place without a new entry in the browser's history: for filters.
export function replace(...parts) {
  history.replaceState(null, "", link(...parts));
  route.value = parse(location.hash);
}
