// A field of the form of a schedule: its label, its control, its help and its error.

import { type ReactNode, useId } from 'react';
import { ErrorLine } from '../../form/fields/templates';

interface Control {
  id: string;
  'aria-invalid': true | undefined;
  'aria-describedby': string;
  status: 'error' | '';
}

interface Props {
  label: string;
  required?: boolean;
  help?: ReactNode;
  error: string | undefined;
  children(control: Control): ReactNode;
}

export function Field({ label, required, help, error, children }: Props) {
  const id = useId();
  return (
    <div className="form-field">
      <label htmlFor={id} className={required ? 'form-required' : undefined}>
        {label}
      </label>
      {children({
        id,
        'aria-invalid': error ? true : undefined,
        'aria-describedby': `${id}-help ${id}-error`,
        status: error ? 'error' : '',
      })}
      <div id={`${id}-help`} className="form-help muted">
        {help}
      </div>
      <ErrorLine id={id} message={error} />
    </div>
  );
}
