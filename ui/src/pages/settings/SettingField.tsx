// A setting: its name, what it stands at, where that comes from, and what it does.

import { Alert } from 'antd';
import type { SettingView } from '../../api/schema';
import { Prose } from '../../form/fields/Prose';
import { ErrorLine } from '../../form/fields/templates';
import { capital } from '../../job/words';
import { Control } from './Control';
import { textOf } from './drafts';
import { Secret } from './Secret';
import { Source } from './Source';
import type { SettingsForm } from './useSettingsForm';

export function SettingField({ setting, form }: { setting: SettingView; form: SettingsForm }) {
  const { name, label, kind, secret, unreadable } = setting;
  const changed = form.changes[name]?.kind !== 'none';
  const error = form.errorOf(name);
  // A box has its label beside it; a secret that is not being written has nothing to be labelled.
  const labelled = kind.type !== 'boolean';
  return (
    <div className={changed ? 'form-field setting changed' : 'form-field setting'}>
      <div className="setting-head">
        {labelled ? <label htmlFor={name}>{label}</label> : null}
        {labelled ? null : <Control setting={setting} form={form} error={error} />}
        <Source setting={setting} form={form} changed={changed} />
      </div>
      {unreadable ? <Alert type="warning" showIcon title={`What was set can’t be read: ${unreadable}.`} /> : null}
      {labelled ? <Shown setting={setting} form={form} error={error} secret={secret} /> : null}
      <Help setting={setting} />
      <ErrorLine id={name} message={error} />
    </div>
  );
}

interface ShownProps {
  setting: SettingView;
  form: SettingsForm;
  error: string | undefined;
  secret: boolean;
}

function Shown({ setting, form, error, secret }: ShownProps) {
  return secret ? (
    <Secret setting={setting} form={form} error={error} />
  ) : (
    <Control setting={setting} form={form} error={error} />
  );
}

function Help({ setting: { name, description, default: byDefault, source } }: { setting: SettingView }) {
  const told = typeof byDefault === 'boolean' ? (byDefault ? 'yes' : 'no') : textOf(byDefault);
  return (
    <div id={`${name}-help`} className="form-help muted">
      {description ? <Prose text={sentence(description)} /> : null}
      {told && source !== 'default' ? <p>Default: {told}</p> : null}
    </div>
  );
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? capital(text) : `${capital(text)}.`;
}
