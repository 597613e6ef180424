// Hooks: data that is asked for, again and again where wanted, and never by a page that nobody sees.
import { useCallback, useEffect, useRef, useState } from "./dom.js";
import { admin, isAborted } from "./api.js";

// Runs load(signal) now, when one of `keys` changes, and every `every` seconds. Gives {data, error, loading, reload}.
// Data stays while it is asked for again; an error stays beside it until an answer comes.
export function useLoad(load, keys = [], { every = 0, paused = false } = {}) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
  const latest = useRef(load);
  const running = useRef(null);
  latest.current = load;

  const reload = useCallback(async () => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((old) => ({ ...old, loading: true }));
    try {
      const data = await latest.current(controller.signal);
      if (running.current === controller) setState({ data, error: null, loading: false });
    } catch (error) {
      if (!isAborted(error) && running.current === controller) setState((old) => ({ ...old, error, loading: false }));
    }
  }, []);

  useEffect(() => {
    setState((old) => ({ ...old, data: undefined, error: null }));
    reload();
    return () => {
      const controller = running.current;
      running.current = null;
      controller?.abort();
    };
  }, keys);

  useEffect(() => {
    if (!every || paused) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, every * 1000);
    return () => clearInterval(timer);
  }, [every, paused, ...keys]);

  return { ...state, reload };
}

// GET of the admin API.
export function useAdmin(path, { query, every, paused } = {}) {
  const load = (signal) => admin("GET", path, { query, signal });
  return useLoad(load, [path, JSON.stringify(query ?? {})], { every, paused });
}

// Something that a person starts: run(…) calls `act`, `busy` until it is done, `error` if it failed.
export function useAction(act) {
  const [state, setState] = useState({ busy: false, error: null });
  const run = async (...values) => {
    setState({ busy: true, error: null });
    try {
      const result = await act(...values);
      setState({ busy: false, error: null });
      return result;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  };
  return { ...state, run };
}
