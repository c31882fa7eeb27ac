// Says that there are new jobs, without moving the ones that are looked at.

import { Button } from 'antd';
import { plural } from '../../job/words';

/** Nobody needs to know how many more these are. */
const COUNTED = 1_000;

export function Announce({ count, show }: { count: number; show(): void }) {
  const news = count > COUNTED ? `More than ${plural(COUNTED, 'new job')}` : plural(count, 'new job');
  return (
    <div className="announce" role="status">
      {count > 0 ? (
        <Button type="primary" shape="round" size="small" onClick={show}>
          {news} — show
        </Button>
      ) : null}
    </div>
  );
}
