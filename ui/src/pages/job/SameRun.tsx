// The same run for a shell, to be copied.

import { useJobType } from '../../api/queries';
import type { JobDetail } from '../../api/schema';
import { CopyButton } from '../../job/CopyButton';
import { commandLines } from './commandLines';

export function SameRun({ detail }: { detail: JobDetail }) {
  const lines = commandLines(detail, useJobType(detail.type), location.origin);
  return (
    <section className="panel" aria-label="The same run from a shell">
      <h2>The same run from a shell</h2>
      <Line name="StashHog" line={lines.cli} />
      <Line name="curl" line={lines.curl} />
    </section>
  );
}

function Line({ name, line }: { name: string; line: string }) {
  return (
    <div className="shell-line">
      <div className="panel-head">
        <span className="muted">{name}</span>
        <CopyButton text={line} what={`the ${name} line`} />
      </div>
      <pre>
        <code>{line}</code>
      </pre>
    </div>
  );
}
