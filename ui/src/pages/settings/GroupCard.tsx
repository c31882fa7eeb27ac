// A group of settings, and the services among them to be tried.

import { useId } from 'react';
import type { Group } from './groups';
import { SettingField } from './SettingField';
import { TestConnection } from './TestConnection';
import type { SettingsForm } from './useSettingsForm';

export function GroupCard({ group, form }: { group: Group; form: SettingsForm }) {
  const title = useId();
  return (
    <section className="panel settings-group" aria-labelledby={title}>
      <h2 id={title}>{group.name}</h2>
      {group.settings.map((setting) => (
        <SettingField key={setting.name} setting={setting} form={form} />
      ))}
      {group.services.map((service) => (
        <TestConnection key={service.name} service={service} form={form} />
      ))}
    </section>
  );
}
