// A list from what was written or pasted.

/** The entries of a text: by lines and commas, else by spaces. Trimmed, each once, none of those that are `there`. */
export function split(text: string, there: readonly unknown[] = []): string[] {
  const byLines = text.split(/[\n\r\t,;]+/).map((part) => part.trim());
  const parts = byLines.filter((part) => part !== '');
  const entries = parts.length === 1 ? (parts[0] ?? '').split(/\s+/) : parts;
  const held = new Set(there.map(String));
  return [...new Set(entries)].filter((entry) => !held.has(entry));
}
