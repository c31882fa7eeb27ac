// A scene and what is proposed for it. Drawn anew only when that changed: a plan may have thousands.

import { memo, useId } from 'react';
import { isOpen } from '../words';
import { ChangeRow } from './ChangeRow';
import { type Scene, sameScene } from './scenes';
import type { Decide } from './useDecide';

interface Props {
  scene: Scene;
  picked: ReadonlySet<string>;
  pick(ids: readonly string[], on?: boolean): void;
  decide: Decide;
}

export const SceneGroup = memo(
  function SceneGroup({ scene, picked, pick, decide }: Props) {
    const title = useId();
    const open = scene.changes.filter(({ status }) => isOpen(status)).map(({ id }) => id);
    const some = open.filter((id) => picked.has(id)).length;
    return (
      <section className="panel scene" aria-labelledby={title}>
        <div className="scene-head">
          <label className="pick">
            <span className="hidden-label">Select all of {scene.title}</span>
            <input
              type="checkbox"
              disabled={open.length === 0}
              checked={open.length > 0 && some === open.length}
              ref={(box) => {
                if (box) box.indeterminate = some > 0 && some < open.length;
              }}
              onChange={({ target }) => pick(open, target.checked)}
            />
          </label>
          <h2 id={title}>{scene.title}</h2>
          {open.length > 1 ? (
            <span className="decide">
              <button
                type="button"
                aria-label={`Approve all of ${scene.title}`}
                onClick={() => decide('approve', open)}
              >
                Approve all
              </button>
              <button type="button" aria-label={`Reject all of ${scene.title}`} onClick={() => decide('reject', open)}>
                Reject all
              </button>
            </span>
          ) : null}
        </div>
        <ul>
          {scene.changes.map((change) => (
            <ChangeRow key={change.id} change={change} picked={picked.has(change.id)} pick={pick} decide={decide} />
          ))}
        </ul>
      </section>
    );
  },
  (before, after) =>
    sameScene(before.scene, after.scene) &&
    before.pick === after.pick &&
    before.decide === after.decide &&
    after.scene.changes.every(({ id }) => before.picked.has(id) === after.picked.has(id)),
);
