// A moment to choose, in the browser's own field and the viewer's time zone.

import { Input } from 'antd';
import { useTyped } from '../../app/typed';
import { toLocal } from '../../job/local';

const TO_THE_MINUTE = '2026-11-24T14:03'.length;

interface MomentProps {
  id: string;
  at: string | undefined;
  change(at: string | undefined, goesOn: boolean): void;
}

export function Moment({ id, at, change }: MomentProps) {
  const typed = useTyped(toLocal(at).slice(0, TO_THE_MINUTE), (text, goesOn) => {
    const moment = new Date(text);
    // A year that is being typed is the year 2, 20 and 202 before it is 2026.
    if (text && !(moment.getFullYear() >= 1970)) return;
    change(text ? moment.toISOString() : undefined, goesOn);
  });
  return <Input id={id} type="datetime-local" max="2999-12-31T23:59" {...typed} />;
}
