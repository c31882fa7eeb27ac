// Numbers as people write them.

/** The number; undefined for nothing, and the text itself for what is none: the check says what is wrong with it. */
export function parseNumber(text: string): number | string | undefined {
  const plain = text.trim();
  if (plain === '') return undefined;
  // Digits may be grouped, as they are shown: 1,000,000.
  const ungrouped = /^[-+]?\d{1,3}([, _'’]\d{3})+$/.test(plain) ? plain.replace(/[, _'’]/g, '') : plain;
  const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(ungrouped) ? Number(ungrouped) : Number.NaN;
  return Number.isFinite(number) ? number : plain;
}

/** Beyond these, neighbours become one number. */
export function isExact(number: number): boolean {
  return !Number.isInteger(number) || Number.isSafeInteger(number);
}
