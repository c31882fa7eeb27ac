// A message cut where a text is found in it, without regard to case: every second part is the text.

export function marked(message: string, text: string): string[] {
  const lower = message.toLowerCase();
  const needle = text.toLowerCase();
  // Some letters are longer in lower case: then places in one are none in the other.
  if (needle === '' || lower.length !== message.length) return [message];
  const parts: string[] = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    parts.push(message.slice(from, at), message.slice(at, at + needle.length));
    from = at + needle.length;
  }
  return [...parts, message.slice(from)];
}
