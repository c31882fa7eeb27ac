import { expect, test } from 'vitest';
import { marked } from './marked';

test('every second part is what was searched for, as it stands in the message', () => {
  expect(marked('Disk full: disk sda', 'DISK')).toEqual(['', 'Disk', ' full: ', 'disk', ' sda']);
  expect(marked('aaa', 'aa')).toEqual(['', 'aa', 'a']);
  expect(marked('none', 'x')).toEqual(['none']);
  expect(marked('İstanbul is', 'is')).toEqual(['İstanbul is']);
  expect(marked('a.b', '.')).toEqual(['a', '.', 'b']);
});
