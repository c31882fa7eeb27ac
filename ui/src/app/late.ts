// A part of the page that comes as a file of its own, when it is needed. While the server is away it is asked for again: a
// chart that did not come must not take the page with it. That the server has another page by now is seen to in outdated.ts.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2_000;

export function late<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        return await load();
      } catch {
        await new Promise((later) => setTimeout(later, wait));
      }
    }
  };
}
