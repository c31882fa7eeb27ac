// The library's kinds in words.

import type { Kind, SceneRow } from '../../api/schema';

export const KIND_LABELS: Record<Kind, string> = {
  scenes: 'Scenes',
  performers: 'Performers',
  tags: 'Tags',
  studios: 'Studios',
};

export const ONE: Record<Kind, string> = { scenes: 'scene', performers: 'performer', tags: 'tag', studios: 'studio' };

/** A scene's title, or the name of its file where it has none. */
export function titleOf({ title, path, id }: Pick<SceneRow, 'title' | 'path' | 'id'>): string {
  return title || path?.split(/[\\/]/).at(-1) || `Scene ${id}`;
}
