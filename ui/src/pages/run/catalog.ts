// The job types as the catalog lists them.

import type { JobType } from '../../api/schema';

export interface Category {
  name: string;
  types: JobType[];
}

/** The types in which every word occurs, by category; both in the order of the alphabet. */
export function catalog(types: readonly JobType[], search: string): Category[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const categories = new Map<string, JobType[]>();
  for (const type of types) {
    const text = `${type.label} ${type.type} ${type.category} ${type.description}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const among = categories.get(type.category) ?? [];
    categories.set(type.category, [...among, type]);
  }
  const named = [...categories].map(([name, members]) => ({
    name,
    types: members.toSorted((a, b) => a.label.localeCompare(b.label)),
  }));
  return named.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Names like one that does not exist, nearest first. */
export function near(name: string, types: readonly JobType[]): JobType[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  const far = types.map((type) => ({
    type,
    distance: Math.min(distance(name, type.type), distance(name, type.label)),
  }));
  return far
    .filter(({ type, distance }) => distance <= limit || type.type.startsWith(name) || name.startsWith(type.type))
    .toSorted((a, b) => a.distance - b.distance)
    .map(({ type }) => type);
}

/** How many letters have to be put in, taken out or changed. */
function distance(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const changed = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
