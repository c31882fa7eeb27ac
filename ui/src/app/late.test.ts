import { expect, test, vi } from 'vitest';
import { late } from './late';

test('a part that does not come is asked for until it does', async () => {
  vi.useFakeTimers();
  const load = vi.fn().mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'));
  load.mockResolvedValue('the part');
  const part = late(load)();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await part).toBe('the part');
  expect(load).toHaveBeenCalledTimes(3);
  vi.useRealTimers();
});
