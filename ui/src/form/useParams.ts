// The params that are being written: their values, and which errors are shown.
//
// An error is shown once a person was at its field, or has tried to run the job. What the server said of a field stands until
// that field changes.

import type { Schema } from '@cfworker/json-schema';
import type { ErrorSchema } from '@rjsf/utils';
import { useCallback, useMemo, useState } from 'react';
import type { FieldError, JobType } from '../api/schema';
import { check, clean, escaped } from './params/check';
import { type Field, readParams } from './params/fields';
import { adapt, firstValue, type Params } from './params/fill';
import { errorSchema, place } from './params/place';

export interface ParamsState {
  root: Field;
  value: unknown;
  /** What of the first params the type does not take. */
  droppedAtFirst: string[];
  /** As they are sent. */
  params(): Params;
  errors: ErrorSchema;
  /** What is wrong with no field of the form. */
  elsewhere: string[];
  valid: boolean;
  /** Another one each time that the params came from elsewhere. */
  version: number;
  setValue(value: unknown): void;
  /** Takes params from elsewhere, and tells what of them the type does not take; the defaults when undefined. */
  load(params: Params | undefined): string[];
  touch(path: string[]): void;
  changed(path: string[]): void;
  setBroken(path: string[], message: string | undefined): void;
  /** Shows all errors. */
  reveal(): void;
  /** Shows what the server found, with pointers into the params. */
  refuse(errors: FieldError[]): void;
}

interface Shown {
  touched: ReadonlySet<string>;
  all: boolean;
  refused: FieldError[];
}

const NOTHING_SHOWN: Shown = { touched: new Set(), all: false, refused: [] };

const pointerOf = (path: readonly string[]) => path.map((step) => `/${escaped(step)}`).join('');

export function useParams(type: JobType, initial: Params | undefined): ParamsState {
  const root = useMemo(() => readParams(type.params_schema as Schema), [type.params_schema]);
  const [first] = useState(() => start(root, initial));
  const [value, setValue] = useState<unknown>(first.value);
  const [version, setVersion] = useState(0);
  const [shown, setShown] = useState(NOTHING_SHOWN);
  const [broken, setBrokenAt] = useState<ReadonlyMap<string, string>>(new Map());

  const touch = useCallback((path: string[]) => {
    const pointer = pointerOf(path);
    setShown((now) => (now.touched.has(pointer) ? now : { ...now, touched: new Set(now.touched).add(pointer) }));
  }, []);

  const changed = useCallback(
    (path: string[]) => {
      const pointer = pointerOf(path);
      touch(path);
      const isElsewhere = (error: FieldError) => error.pointer !== pointer && !error.pointer.startsWith(`${pointer}/`);
      setShown((now) => (now.refused.length > 0 ? { ...now, refused: now.refused.filter(isElsewhere) } : now));
    },
    [touch],
  );

  const setBroken = useCallback(
    (path: string[], message: string | undefined) => {
      const pointer = pointerOf(path);
      if (message) touch(path);
      setBrokenAt((now) => {
        if (now.get(pointer) === message) return now;
        const next = new Map(now);
        if (message) next.set(pointer, message);
        else next.delete(pointer);
        return next;
      });
    },
    [touch],
  );

  const load = useCallback(
    (params: Params | undefined) => {
      const { value, dropped } = start(root, params);
      setValue(value);
      setBrokenAt(new Map());
      setShown(NOTHING_SHOWN);
      setVersion((now) => now + 1);
      return dropped;
    },
    [root],
  );

  const found = useMemo(() => {
    const unread = [...broken].map(([pointer, message]) => ({ pointer, message }));
    return [...unread, ...check(value, root.schema)];
  }, [value, root, broken]);

  const placed = useMemo(() => {
    const { errors, elsewhere } = place(root, value, found);
    const visible = errors.filter(({ path }) => shown.all || shown.touched.has(pointerOf(path)));
    const refused = place(root, value, shown.refused);
    return {
      errors: errorSchema([...refused.errors, ...visible]),
      elsewhere: [...refused.elsewhere, ...(shown.all ? elsewhere : [])],
    };
  }, [root, value, found, shown]);

  return {
    root,
    value,
    droppedAtFirst: first.dropped,
    params: () => clean(value) as Params,
    ...placed,
    valid: found.length === 0,
    version,
    setValue,
    load,
    touch,
    changed,
    setBroken,
    reveal: useCallback(() => setShown((now) => ({ ...now, all: true })), []),
    refuse: useCallback((refused: FieldError[]) => setShown((now) => ({ ...now, refused })), []),
  };
}

function start(root: Field, params: Params | undefined) {
  const first = firstValue(root);
  return params === undefined ? { value: first, dropped: [] } : adapt(root, params, first);
}
