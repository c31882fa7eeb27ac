// All settings: what each stands at and where that comes from, changed and tried before they are saved.

import { useQuery } from '@tanstack/react-query';
import { useRouterState } from '@tanstack/react-router';
import { App, Skeleton } from 'antd';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { settingsQuery } from '../../api/queries';
import type { SettingsView } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { GroupCard } from './GroupCard';
import { groupsOf } from './groups';
import { LeaveGuard } from './LeaveGuard';
import { SaveBar } from './SaveBar';
import { useSave, useSettingsForm } from './useSettingsForm';
import '../../form/form.css';
import './settings.css';

export function Settings() {
  useTitle('Settings');
  const { data, error, refetch } = useQuery(settingsQuery);
  return (
    <div className="settings">
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      <p className="muted settings-order">
        What is set here wins over the server’s environment, and that over the defaults. The next job that starts uses
        it; no restart is needed.
      </p>
      {data ? <Form view={data} /> : null}
      {!data && error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!data && !error ? <Skeleton active paragraph={{ rows: 10 }} /> : null}
    </div>
  );
}

function Form({ view }: { view: SettingsView }) {
  const form = useSettingsForm(view);
  const { message } = App.useApp();
  const place = useRef<HTMLFormElement>(null);
  const [refusals, setRefusals] = useState(0);
  const saved = () => void message.success('Saved. The next job that starts uses it.');
  const { save, saving, failure } = useSave(form, { saved, refused: () => setRefusals((n) => n + 1) });
  useLedTo(place);

  useEffect(() => {
    if (refusals > 0) place.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refusals]);

  if (view.settings.length === 0) {
    return <Empty title="There is nothing to set">The job types of this server need no settings.</Empty>;
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save();
  };
  return (
    <form ref={place} noValidate onSubmit={submit}>
      {groupsOf(view).map((group) => (
        <GroupCard key={group.name} group={group} form={form} />
      ))}
      <SaveBar form={form} saving={saving} failure={failure} />
      <LeaveGuard unsaved={form.unsaved} />
    </form>
  );
}

/** Who was sent here for one setting is led to it. */
function useLedTo(place: React.RefObject<HTMLElement | null>): void {
  const name = useRouterState({ select: ({ location }) => location.hash });
  useEffect(() => {
    const field = name ? document.getElementById(name) : null;
    if (!field || !place.current?.contains(field)) return;
    field.scrollIntoView({ block: 'center' });
    field.focus({ preventScroll: true });
  }, [name, place]);
}
