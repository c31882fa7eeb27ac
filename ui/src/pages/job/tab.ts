// The tabs of the page of a job, as they stand in its address.

export const TABS = ['overview', 'log', 'errors', 'attempts', 'events'] as const;

export type Tab = (typeof TABS)[number];

export function isTab(word: unknown): word is Tab {
  return TABS.some((tab) => tab === word);
}
