// What a cron line means, while it is written: asked of the server when the hand rests.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, Problem, unwrap } from '../../api/client';
import type { Preview } from '../../api/schema';

const REST_MS = 300;

export interface Previewed {
  /** What the line means; of the line before, as long as this one is not answered. */
  preview: Preview | undefined;
  /** What is wrong with the line, and with the zone. */
  errors: { cron?: string | undefined; time_zone?: string | undefined };
  /** Why the server could not be asked. */
  failure: Error | undefined;
  /** The answer is to what is written now. */
  current: boolean;
}

export function usePreview(cron: string, time_zone: string): Previewed {
  const line = cron.trim();
  const asked = useRest(JSON.stringify([line, time_zone]), REST_MS);
  const current = asked === JSON.stringify([line, time_zone]);
  const [askedLine, askedZone] = JSON.parse(asked) as [string, string];
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: ['schedule-preview', askedLine, askedZone],
    queryFn: async ({ signal }) =>
      unwrap(api.POST('/api/schedules/preview', { body: { cron: askedLine, time_zone: askedZone }, signal })),
    enabled: askedLine !== '',
    placeholderData: keepPreviousData,
    // The next times move on.
    refetchInterval: 60_000,
  });
  const wrong = error instanceof Problem ? error.errors : [];
  const told = (name: string) => wrong.find(({ pointer }) => pointer === `/${name}`)?.message;
  return {
    preview: error || line === '' ? undefined : data,
    errors: current && line !== '' ? { cron: told('cron'), time_zone: told('time_zone') } : {},
    failure: error && wrong.length === 0 ? error : undefined,
    current: current && !isPlaceholderData,
  };
}

/** A value once it has not changed for a while. */
function useRest<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
