// All pages. `root`: only root credentials may see it. `load` gives a module whose default is the page's component;
// it gets {path, query}: what stands behind the page's own name in the address.
export const PAGES = [
  { id: "home", icon: "picture", root: true, load: () => import("./home.js") },
  { id: "buckets", icon: "buckets", load: () => import("./buckets.js") },
  { id: "lifecycle", icon: "lifecycle", root: true, load: () => import("./lifecycle.js") },
  { id: "cluster", icon: "cluster", root: true, load: () => import("./cluster.js") },
  { id: "identities", icon: "identities", root: true, load: () => import("./identities.js") },
  { id: "jobs", icon: "jobs", root: true, load: () => import("./jobs.js") },
  { id: "events", icon: "events", root: true, load: () => import("./events.js") },
  { id: "here", icon: "search", root: true, hidden: true, load: () => import("./here.js") },
  { id: "locate", icon: "search", root: true, hidden: true, load: () => import("./locate.js") },
];
