// The first tab: the curve, what the job was given, what it returned, and the same run for a shell.

import { useMemo } from 'react';
import { useJobType } from '../../api/queries';
import type { Curve as CurveOf, JobDetail, JobSummary } from '../../api/schema';
import { JsonPanel } from '../../job/JsonPanel';
import { isActive, isTerminal } from '../../job/status';
import { Curve } from './Curve';
import { Children } from './children/Children';
import { OnlyItems } from './OnlyItems';
import { joined } from './points';
import { SameRun } from './SameRun';

interface Props {
  job: JobSummary;
  detail: JobDetail;
  /** The course of its progress since the page is open. */
  heard: CurveOf;
}

export function Overview({ job, detail, heard }: Props) {
  const unit = useJobType(job.type)?.unit.plural ?? 'items';
  const points = useMemo(() => joined(detail.curve, heard), [detail.curve, heard]);
  const ended = isTerminal(detail.status);
  return (
    <div className="job-overview">
      {detail.children.length > 0 ? <Children detail={detail} /> : null}
      {points.length > 1 || isActive(job.status) ? <Curve points={points} unit={unit} /> : null}
      <div className="two-columns">
        <JsonPanel title="Parameters" value={detail.params} none="It has no parameters." />
        <JsonPanel
          title="Result"
          value={detail.result}
          none={ended ? 'No result.' : 'It comes when the job has ended.'}
        />
      </div>
      {detail.only_items ? <OnlyItems items={detail.only_items} /> : null}
      {detail.state ? (
        <JsonPanel title="Kept between attempts" value={detail.state.value} none="Nothing is kept any more." />
      ) : null}
      {Object.keys(detail.metadata).length > 0 ? (
        <JsonPanel title="Metadata" value={detail.metadata} none="No metadata." />
      ) : null}
      <SameRun detail={detail} />
    </div>
  );
}
