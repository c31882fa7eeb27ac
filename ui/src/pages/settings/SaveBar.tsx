// What is not saved, over the lower edge of the window while there is such.

import { Button } from 'antd';
import { Failed } from '../../app/Failed';
import { plural } from '../../job/words';
import type { SettingsForm } from './useSettingsForm';

interface Props {
  form: SettingsForm;
  saving: boolean;
  failure: Error | undefined;
}

export function SaveBar({ form, saving, failure }: Props) {
  return (
    <section className="save-bar" aria-label="Unsaved changes">
      <strong role="status">{form.unsaved > 0 ? plural(form.unsaved, 'unsaved change') : null}</strong>
      {form.unsaved > 0 ? (
        <div className="save-bar-acts">
          <Button onClick={form.undoAll}>Undo all</Button>
          <Button type="primary" htmlType="submit" loading={saving}>
            Save
          </Button>
        </div>
      ) : null}
      {failure ? <Failed error={failure} /> : null}
    </section>
  );
}
