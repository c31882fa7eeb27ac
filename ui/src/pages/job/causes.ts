// An error's chain, taken apart: `what failed: because: because` as the server writes it, one cause each.

const OPENING = '([{"`';
const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}', '"': '"', '`': '`' };

/** Text with lines of its own is kept as it is, and so is what stands in brackets or quotes. */
export function causes(error: string): string[] {
  if (error.includes('\n')) return [error];
  const found: string[] = [];
  const open: string[] = [];
  let from = 0;
  for (let at = 0; at < error.length; at++) {
    const letter = error.charAt(at);
    if (letter === open.at(-1)) open.pop();
    else if (OPENING.includes(letter)) open.push(CLOSING[letter] ?? letter);
    else if (open.length === 0 && error.startsWith(': ', at)) {
      found.push(error.slice(from, at));
      from = at + 2;
    }
  }
  found.push(error.slice(from));
  return found.filter((cause) => cause !== '');
}
