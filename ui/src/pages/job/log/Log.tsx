// The log of a job: the newest lines first in view and followed, older ones by scrolling up, any by searching.

import { Skeleton } from 'antd';
import { useDeferredValue, useEffect, useRef, useState } from 'react';
import type { Status } from '../../../api/schema';
import { Empty } from '../../../app/Empty';
import { Failed } from '../../../app/Failed';
import { isTerminal } from '../../../job/status';
import { useCaughtUp } from '../../../live/live';
import { LogBar } from './LogBar';
import { LogLines, type LogLinesHandle } from './LogLines';
import { type Filter, ShownLines } from './ShownLines';
import { useHits } from './useHits';
import { useLog } from './useLog';
import './log.css';

const narrow = window.matchMedia('(max-width: 767px)');

export function Log({ jobId, status }: { jobId: string; status: Status }) {
  const log = useLog(jobId, status);
  const [filter, setFilter] = useState<Filter>({ level: 'debug', text: '', only: false });
  const [wrap, setWrap] = useState(narrow.matches);
  const [shown] = useState(() => new ShownLines());
  const view = useRef<LogLinesHandle>(null);

  // Typing goes before looking through a hundred thousand lines.
  const applied = useDeferredValue(filter);
  shown.update(log, applied);
  const hits = useHits(shown, applied.text, log.version, (row) => view.current?.show(row));

  // Who looks for something looks in all lines. Lines that can't be read now are asked for when more comes, or after a loss.
  const wanted = applied.text !== '' || applied.level !== 'debug';
  const began = log.busy !== 'first';
  const lookFurther = () => {
    if (wanted && began) void log.all();
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: not at every line: a server that refuses would be asked without end
  useEffect(lookFurther, [applied, began, log, log.epoch]);
  useCaughtUp(lookFurther);

  if (log.error) return <Failed error={log.error} again={() => void log.start()} />;
  const ended = isTerminal(status);
  return (
    <section className="panel" aria-label="Log">
      <LogBar jobId={jobId} log={log} filter={filter} setFilter={setFilter} wrap={wrap} setWrap={setWrap} hits={hits} />
      {log.busy === 'first' && log.lines.length === 0 ? (
        <div className="log-lines">
          <Skeleton active title={false} />
        </div>
      ) : log.lines.length === 0 ? (
        <div className="log-lines">
          <Empty title="No lines">{ended ? 'The job said nothing.' : 'What the job says appears here at once.'}</Empty>
        </div>
      ) : (
        <LogLines ref={view} log={log} shown={shown} text={applied.text} current={hits.row} wrap={wrap} />
      )}
    </section>
  );
}
