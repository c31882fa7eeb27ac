// Tries a service with what is typed, before it is saved, and tells its answer.

import { useMutation } from '@tanstack/react-query';
import { Alert, Button } from 'antd';
import { api, Problem, unwrap } from '../../api/client';
import type { ServiceView } from '../../api/schema';
import { capital } from '../../job/words';
import { belongsTo } from './groups';
import type { SettingsForm } from './useSettingsForm';

export function TestConnection({ service, form }: { service: ServiceView; form: SettingsForm }) {
  const mine = (name: string) => belongsTo({ name }, service);
  const values = form.values(mine);
  const typed = JSON.stringify(values);
  const { mutate, isPending, data, error, variables } = useMutation({
    mutationFn: (sent: string) =>
      unwrap(
        api.POST('/api/settings/test/{service}', {
          params: { path: { service: service.name } },
          body: { values: JSON.parse(sent) },
        }),
      ),
    onError: (problem) => {
      if (problem instanceof Problem) form.refuse(problem.errors);
    },
  });
  // An answer to something else than what is typed by now says nothing.
  const current = variables === typed;
  const toldElsewhere = error instanceof Problem && error.errors.length > 0;
  return (
    <div className="setting-test">
      <Button aria-label={`Test the connection to ${service.label}`} loading={isPending} onClick={() => mutate(typed)}>
        Test connection
      </Button>
      <div role="status" className="setting-tested">
        {isPending ? <span className="form-sending muted">{service.label} is being asked …</span> : null}
        {!isPending && current && data ? (
          <Alert type={data.ok ? 'success' : 'error'} showIcon title={capital(data.message)} />
        ) : null}
        {!isPending && current && error && !toldElsewhere ? (
          <Alert type="error" showIcon title={capital(error.message)} />
        ) : null}
        {!isPending && data && !current && typed !== '{}' ? (
          <span className="muted">Changed since it was tested.</span>
        ) : null}
      </div>
    </div>
  );
}
