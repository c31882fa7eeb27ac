// Where a setting's value comes from, and the way back there.

import { Button } from 'antd';
import type { SettingView } from '../../api/schema';
import { ColorTag } from '../../job/tags';
import { When } from '../../job/times';
import { byWhom } from '../../job/words';
import type { SettingsForm } from './useSettingsForm';

interface Props {
  setting: SettingView;
  form: SettingsForm;
  changed: boolean;
}

export function Source({ setting, form, changed }: Props) {
  const { name, group, label, source, secret } = setting;
  if (changed) {
    const back = form.drafts[name] === null || form.drafts[name] === '';
    return (
      <span className="setting-source">
        <ColorTag color="orange">{back ? 'taken back when saved' : 'not saved'}</ColorTag>
        <Undo setting={setting} form={form} />
      </span>
    );
  }
  return (
    <span className="setting-source">
      <From setting={setting} />
      {source === 'database' ? (
        <Button
          size="small"
          type="text"
          aria-label={`${secret ? 'Remove' : 'Take back'} ${group}: ${label}`}
          title="The environment’s value or the default holds again"
          onClick={() => form.set(name, null)}
        >
          {secret ? 'Remove' : 'Take back'}
        </Button>
      ) : null}
    </span>
  );
}

function From({ setting: { source, variable, updated_at, updated_by } }: { setting: SettingView }) {
  switch (source) {
    case 'database':
      return (
        <>
          <ColorTag color="blue">set here</ColorTag>
          <span className="muted">
            {updated_by ? `by ${byWhom(updated_by)}` : null}
            {updated_at ? (
              <>
                {' '}
                <When at={updated_at} />
              </>
            ) : null}
          </span>
        </>
      );
    case 'environment':
      return (
        <>
          <ColorTag color="purple">environment</ColorTag>
          <code className="muted">{variable}</code>
        </>
      );
    case 'default':
      return (
        <span title={`Or set ${variable} in the server’s environment`}>
          <ColorTag color="default">default</ColorTag>
        </span>
      );
    case 'unset':
      return (
        <span title={`Set it here, or ${variable} in the server’s environment`}>
          <ColorTag color="gold">not set</ColorTag>
        </span>
      );
  }
}

function Undo({ setting, form }: { setting: SettingView; form: SettingsForm }) {
  const { group, label, name } = setting;
  return (
    <Button
      size="small"
      type="text"
      aria-label={`Undo the change of ${group}: ${label}`}
      onClick={() => form.undo(name)}
    >
      Undo
    </Button>
  );
}
