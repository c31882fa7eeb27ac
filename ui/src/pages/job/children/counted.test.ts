import { expect, test } from 'vitest';
import { counted } from './counted';

test('jobs are counted by state, what goes wrong first', () => {
  const job = (status: 'completed' | 'failed' | 'running', outcome: 'completed_with_errors' | null = null) => ({
    status,
    outcome,
  });
  const jobs = [
    job('completed'),
    job('running'),
    job('failed'),
    job('completed'),
    job('completed', 'completed_with_errors'),
  ];
  expect(counted(jobs)).toBe('1 failed, 1 running, 1 completed with errors, 2 completed');
  expect(counted([])).toBe('');
});
