import { expect, test } from 'vitest';
import { causes } from './causes';

test('a chain is told cause by cause', () => {
  expect(causes('could not copy /a: disk is full')).toEqual(['could not copy /a', 'disk is full']);
  expect(causes('the service refused: {"a": 1, "b": [2]}: 500')).toEqual([
    'the service refused',
    '{"a": 1, "b": [2]}',
    '500',
  ]);
  expect(causes('http://host:80/x does not answer')).toEqual(['http://host:80/x does not answer']);
  expect(causes('panicked: line one\nline: two')).toEqual(['panicked: line one\nline: two']);
  expect(causes('an "unclosed: quote')).toEqual(['an "unclosed: quote']);
});
