// What the fields tell the form beside their values.

import { createContext, useContext } from 'react';

interface FormState {
  /** A person was at the field: its error may be shown. */
  touch(path: string[]): void;
  /** A person changed it: what the server said of its old value is past. */
  changed(path: string[]): void;
  setBroken(path: string[], message: string | undefined): void;
}

export const FormStateContext = createContext<FormState>({
  touch: () => undefined,
  changed: () => undefined,
  setBroken: () => undefined,
});

export function useFormState(): FormState {
  return useContext(FormStateContext);
}

/** The id of a field's control. */
export function fieldId(path: readonly string[]): string {
  return ['param', ...path].join('.');
}
