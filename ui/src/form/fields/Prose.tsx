// A doc comment: paragraphs, and `code` in backticks.

export function Prose({ text }: { text: string }) {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim());
  return paragraphs.map((paragraph, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a text does not change its order
    <p key={at}>
      {paragraph.split(/`([^`]+)`/).map((part, n) =>
        // Every other part was in backticks.
        n % 2 === 1 ? <code key={part}>{part}</code> : part,
      )}
    </p>
  ));
}
