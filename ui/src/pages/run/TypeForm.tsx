// The form of one type: its head, what stands in the way, the params, the options, the button.

import { Link } from '@tanstack/react-router';
import { Alert, Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import type { JobDetail, JobType } from '../../api/schema';
import { useTitle } from '../../app/useTitle';
import { Prose } from '../../form/fields/Prose';
import { ParamsForm } from '../../form/ParamsForm';
import { withoutSecrets } from '../../form/params/fill';
import { useParams } from '../../form/useParams';
import { Policies } from '../../job/Policies';
import { isTerminal } from '../../job/status';
import { TypeTag } from '../../job/tags';
import { useLiveJob } from '../../live/live';
import { Notices } from './Notices';
import { NotRun } from './NotRun';
import { Options } from './Options';
import { Presets } from './Presets';
import { RunnerState } from './RunnerState';
import { useOptions } from './useOptions';
import { useRemembered } from './useRemembered';
import { useRun } from './useRun';
import { useUnfinished } from './useUnfinished';

export function TypeForm({ type, from }: { type: JobType; from?: JobDetail }) {
  useTitle(`Run ${type.label}`);
  const form = useParams(type, from?.params);
  const options = useOptions();
  const memory = useRemembered(type.type);
  const unfinished = useUnfinished(type);
  const [dropped, setDropped] = useState(form.droppedAtFirst);
  const frame = useRef<HTMLDivElement>(null);
  const [refusals, setRefusals] = useState(0);
  const refused = () => setRefusals((n) => n + 1);
  const remembers = () => withoutSecrets(form.root, form.params()) as ReturnType<typeof form.params>;
  const { run, running, failure } = useRun({
    type,
    from,
    form,
    options,
    refused,
    done: () => memory.keepLast(remembers()),
  });
  const origin = useOrigin(from);
  const blocked =
    (type.admission === 'exclusive' && unfinished.length > 0) || (origin !== undefined && !isTerminal(origin.status));

  // The first field that is wrong, or what is said above the form.
  useEffect(() => {
    if (refusals === 0) return;
    const wrong = frame.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    (wrong ?? frame.current?.querySelector<HTMLElement>('.run-notices'))?.focus();
  }, [refusals]);

  const submit = () => {
    if (blocked || running) return;
    if (form.valid && options.valid) return run();
    form.reveal();
    options.reveal();
    refused();
  };

  return (
    <div className="run-form" ref={frame}>
      <p className="run-back">
        <Link to="/run">Run a job</Link>
      </p>
      <div className="page-head">
        <h1>{from ? 'Run again with changes' : `Run ${type.label}`}</h1>
        <div className="run-head-state">
          <TypeTag type={type.type} />
          <RunnerState type={type} />
        </div>
      </div>
      <div className="run-description">
        <Prose text={type.description} />
        <Policies type={type} />
      </div>
      <div className="run-notices" tabIndex={-1}>
        <Notices type={type} from={origin} unfinished={unfinished} dropped={dropped} />
        {form.elsewhere.length > 0 ? (
          <Alert type="error" showIcon title={form.elsewhere.map((message) => <div key={message}>{message}</div>)} />
        ) : null}
        {failure ? <NotRun error={failure} type={type} /> : null}
      </div>
      <div className="panel">
        <Presets memory={memory} current={remembers} load={(params) => setDropped(form.load(params))} />
        <ParamsForm form={form} submit={submit}>
          <Options options={options} type={type} again={from !== undefined} />
          <div className="form-submit">
            <Button type="primary" htmlType="submit" size="large" aria-busy={running} disabled={blocked}>
              {from ? 'Run again' : options.later ? 'Schedule' : 'Run'}
            </Button>
            {from ? null : (
              <Link
                to="/schedules/new"
                search={{ run: type.type }}
                state={{ scheduled: { type: type.type, params: remembers() } }}
                preload={false}
              >
                Run it by the clock…
              </Link>
            )}
            {running ? (
              <span className="form-sending muted" role="status">
                On its way …
              </span>
            ) : null}
          </div>
        </ParamsForm>
      </div>
    </div>
  );
}

/** The job that is run again, as it is now. */
function useOrigin(from: JobDetail | undefined) {
  const live = useLiveJob(from?.id ?? '', from);
  return from && live && { ...live, only_items: from.only_items };
}
