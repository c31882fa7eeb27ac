// The settings as a form: what is typed, what is wrong with it, and saving it.
//
// What is wrong is shown once somebody has left the field or tried to save. What the server said of a field stands until that
// field changes.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, isChanged, Problem, unwrap } from '../../api/client';
import { settingsQuery } from '../../api/queries';
import type { FieldError, SettingsView } from '../../api/schema';
import { type Change, changeOf, type Draft, type Drafts, type Value } from './drafts';

export interface SettingsForm {
  drafts: Drafts;
  changes: Readonly<Record<string, Change>>;
  /** How many settings would be changed, or can't be as they are typed. */
  unsaved: number;
  valid: boolean;
  /** What is wrong with a setting, once that is to be shown. */
  errorOf(name: string): string | undefined;
  set(name: string, draft: Draft): void;
  undo(name: string): void;
  undoAll(): void;
  /** A person has left the field. */
  leave(name: string): void;
  /** Shows all that is wrong. */
  reveal(): void;
  /** Shows what the server found. */
  refuse(errors: readonly FieldError[]): void;
  /** The version of the settings that a person had before them when they began to type. */
  seen: string;
  /** They look at the newest version now. */
  lookAgain(): void;
  /** What was typed of these, as it is sent. */
  values(of?: (name: string) => boolean): Record<string, Value>;
}

export function useSettingsForm({ settings, etag }: SettingsView): SettingsForm {
  const [drafts, setDrafts] = useState<Drafts>({});
  const [seen, setSeen] = useState<string>();
  const [left, setLeft] = useState<readonly string[]>([]);
  const [refused, setRefused] = useState<Readonly<Record<string, string>>>({});

  const changes = Object.fromEntries(
    settings.map((setting) => [setting.name, changeOf(setting, drafts[setting.name])]),
  );
  const unsaved = Object.entries(changes).filter(([, { kind }]) => kind !== 'none');
  const forget = (name: string) => setRefused(({ [name]: _, ...others }) => others);

  return {
    drafts,
    changes,
    unsaved: unsaved.length,
    valid: unsaved.every(([, { kind }]) => kind !== 'wrong'),
    errorOf: (name) => {
      const change = changes[name];
      return refused[name] ?? (change?.kind === 'wrong' && left.includes(name) ? change.message : undefined);
    },
    set: (name, draft) => {
      setDrafts((now) => ({ ...now, [name]: draft }));
      setSeen((before) => before ?? etag);
      forget(name);
    },
    undo: (name) => {
      setDrafts(({ [name]: _, ...others }) => others);
      forget(name);
    },
    undoAll: () => {
      setDrafts({});
      setSeen(undefined);
      setLeft([]);
      setRefused({});
    },
    leave: (name) => setLeft((now) => (now.includes(name) ? now : [...now, name])),
    reveal: () => setLeft(settings.map(({ name }) => name)),
    refuse: (errors) => setRefused(Object.fromEntries(errors.map((error) => [settingAt(error), error.message]))),
    seen: seen ?? etag,
    lookAgain: () => setSeen(undefined),
    values: (of = () => true) =>
      Object.fromEntries(
        unsaved.flatMap(([name, change]) => (change.kind === 'value' && of(name) ? [[name, change.value]] : [])),
      ),
  };
}

/** The setting that an error is about. */
function settingAt({ pointer }: FieldError): string {
  return pointer
    .replace(/^\/values\//, '')
    .replaceAll('~1', '/')
    .replaceAll('~0', '~');
}

/** Saves what is typed. What comes of it: the settings as they are now, or errors at their fields. */
export function useSave(form: SettingsForm, { saved, refused }: { saved(): void; refused(): void }) {
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => {
      const params = { header: { 'If-Match': form.seen } };
      return unwrap(api.PATCH('/api/settings', { params, body: { values: form.values() } }));
    },
    onSuccess: (settings) => {
      queries.setQueryData(settingsQuery.queryKey, settings);
      form.undoAll();
      saved();
    },
    onError: async (problem) => {
      if (problem instanceof Problem) form.refuse(problem.errors);
      refused();
      if (isChanged(problem)) {
        await queries.invalidateQueries({ queryKey: settingsQuery.queryKey });
        form.lookAgain();
      }
    },
  });
  const toldElsewhere = error instanceof Problem && error.errors.length > 0;
  const save = () => {
    if (isPending || form.unsaved === 0) return;
    if (form.valid) return mutate();
    form.reveal();
    refused();
  };
  const failure = error && !toldElsewhere ? (isChanged(error) ? new Error(CHANGED) : error) : undefined;
  return { save, saving: isPending, failure };
}

const CHANGED =
  'somebody else changed the settings meanwhile; the page shows them as they are now, with what you typed on top: look at ' +
  'them, and save again';
