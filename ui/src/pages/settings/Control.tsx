// What a setting is written in, by the kind of its value.

import { Checkbox, Input } from 'antd';
import type { SettingView } from '../../api/schema';
import { textOf } from './drafts';
import type { SettingsForm } from './useSettingsForm';

interface Props {
  setting: SettingView;
  form: SettingsForm;
  error: string | undefined;
}

export function Control({ setting, form, error }: Props) {
  const { name, kind, value, label } = setting;
  const draft = form.drafts[name];
  const shared = {
    id: name,
    'aria-invalid': error ? (true as const) : undefined,
    'aria-describedby': `${name}-help ${name}-error`,
    onBlur: () => form.leave(name),
  };
  if (kind.type === 'boolean') {
    const checked = draft === null ? setting.default === true : (draft ?? value) === true;
    return (
      <Checkbox {...shared} checked={checked} onChange={({ target }) => form.set(name, target.checked)}>
        {label}
      </Checkbox>
    );
  }
  const isNumber = kind.type === 'integer' || kind.type === 'number';
  // What is taken back is gone; what holds then is the shadow, where it is known.
  const text = draft === undefined ? textOf(value) : textOf(draft);
  return (
    <Input
      {...shared}
      className={isNumber ? 'form-short number' : kind.type === 'text' ? undefined : 'form-mono'}
      inputMode={
        kind.type === 'integer' ? 'numeric' : kind.type === 'number' ? 'decimal' : kind.type === 'url' ? 'url' : 'text'
      }
      autoComplete="off"
      spellCheck={false}
      status={error ? 'error' : ''}
      placeholder={textOf(setting.default) || EXAMPLES[kind.type]}
      value={text}
      onChange={({ target }) => form.set(name, target.value)}
    />
  );
}

/** What an empty field may look like when it is filled in. */
const EXAMPLES: Record<string, string> = { url: 'http://127.0.0.1:9999', folder: '/srv/library' };
