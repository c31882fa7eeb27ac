// The changes of a plan by scene.

import type { PlanChange } from '../../../api/schema';

export interface Scene {
  id: string;
  title: string;
  changes: PlanChange[];
}

/** In the order in which they come. */
export function scenesOf(changes: readonly PlanChange[]): Scene[] {
  const scenes = new Map<string, Scene>();
  for (const change of changes) {
    const scene = scenes.get(change.scene_id) ?? { id: change.scene_id, title: change.scene_title, changes: [] };
    scene.changes.push(change);
    scenes.set(change.scene_id, scene);
  }
  return [...scenes.values()];
}

/** Whether two groups show the same: rows are drawn anew for what changed alone. */
export function sameScene(a: Scene, b: Scene): boolean {
  return a.changes.length === b.changes.length && a.changes.every((change, at) => change === b.changes[at]);
}
