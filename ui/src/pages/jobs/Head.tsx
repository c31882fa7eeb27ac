// The columns, and a box that selects all rows that are loaded.

import { count as number } from '../../job/words';
import type { Selecting } from './selection';

export function Head({ selecting, count }: { selecting: Selecting; count: number }) {
  const every = selecting.size === count;
  const some = selecting.size > 0 && !every;
  return (
    <thead>
      <tr aria-rowindex={1}>
        <th scope="col" className="c-pick">
          <label>
            <input
              type="checkbox"
              checked={every}
              ref={(box) => {
                if (box) box.indeterminate = some;
              }}
              onChange={every ? selecting.none : selecting.loaded}
            />
            <span className="pick-all">Select the {number(count)} loaded jobs</span>
          </label>
        </th>
        <th scope="col" className="c-type">
          Type
        </th>
        <th scope="col" className="c-status">
          Status
        </th>
        <th scope="col" className="c-progress">
          Progress
        </th>
        <th scope="col" className="c-message">
          Message
        </th>
        <th scope="col" className="c-by">
          Started by
        </th>
        <th scope="col" className="c-created">
          Created
        </th>
        <th scope="col" className="c-took">
          Duration
        </th>
      </tr>
    </thead>
  );
}
