"use strict";
// Where the marks go: to the server, which answers with the next state. Nothing is told as saved before it is.
const HeedfulStore = (() => {
  const read = async (response) => {
    const answer = await response.json().catch(() => ({ error: `it answered ${response.status}` }));
    if (!response.ok) throw new Error(answer.error);
    return answer;
  };
  const ask = async (path, body) => {
    const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(path, { ...options, signal: AbortSignal.timeout(15000) });
    } catch {
      throw new Error("the server does not answer; is the command still running?");
    }
    return read(response);
  };
  return {
    state: (number, after) => {
      const query = new URLSearchParams(number ? { number } : after ? { after } : {});
      return ask(`/api/state?${query}`);
    },
    name: (name, again) => ask("/api/name", { name, again }),
    mark: (mark) => ask("/api/mark", mark),
    undo: () => ask("/api/undo", {}),
  };
})();
