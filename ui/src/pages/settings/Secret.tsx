// A secret: it goes in and never comes out. What is set is replaced or removed, not shown.

import { Button, Input } from 'antd';
import { useEffect, useRef, useState } from 'react';
import type { SettingView } from '../../api/schema';
import type { SettingsForm } from './useSettingsForm';

interface Props {
  setting: SettingView;
  form: SettingsForm;
  error: string | undefined;
}

export function Secret({ setting, form, error }: Props) {
  const { name, is_set, unreadable, group, label } = setting;
  const draft = form.drafts[name];
  const kept = (is_set || unreadable !== null) && typeof draft !== 'string';
  const [asked, setAsked] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  // Who presses Replace goes on writing.
  useEffect(() => {
    if (asked && !kept) input.current?.focus();
    if (kept) setAsked(false);
  }, [asked, kept]);

  if (kept) {
    return (
      <div className="secret">
        <span className="secret-set">
          {draft === null ? 'To be removed' : unreadable ? 'Set, and unreadable' : 'Set; it is not shown'}
        </span>
        <Button
          id={name}
          size="small"
          aria-label={`Replace ${group}: ${label}`}
          aria-describedby={`${name}-help ${name}-error`}
          onClick={() => {
            setAsked(true);
            form.set(name, '');
          }}
        >
          Replace
        </Button>
      </div>
    );
  }
  return (
    <div className="secret">
      <Input
        ref={(shown) => {
          input.current = shown?.input ?? null;
        }}
        id={name}
        type="password"
        aria-invalid={error ? true : undefined}
        aria-describedby={`${name}-help ${name}-error`}
        // Browsers fill in what they know of other fields unless it is a new one.
        autoComplete="new-password"
        status={error ? 'error' : ''}
        placeholder={is_set ? 'The new one' : 'Not set'}
        value={typeof draft === 'string' ? draft : ''}
        onChange={({ target }) => form.set(name, target.value)}
        onBlur={() => form.leave(name)}
      />
      {is_set || unreadable ? (
        <Button
          size="small"
          type="text"
          aria-label={`Keep ${group}: ${label} as it is`}
          onClick={() => form.undo(name)}
        >
          Keep the old one
        </Button>
      ) : null}
    </div>
  );
}
