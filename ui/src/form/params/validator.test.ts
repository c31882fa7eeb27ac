import type { RJSFSchema } from '@rjsf/utils';
import { expect, test } from 'vitest';
import { validator } from './validator';

const schema: RJSFSchema = {
  type: 'object',
  properties: {
    n: { type: 'integer', maximum: 100 },
    at: { type: 'object', properties: { text: { type: 'string' } } },
  },
  required: ['n'],
};

test('errors stand where rjsf looks for them', () => {
  const { errors, errorSchema } = validator.validateFormData({ n: 101, at: { text: 1 } }, schema);
  expect(errorSchema).toEqual({
    n: { __errors: ['must be at most 100'] },
    at: { text: { __errors: ['must be a text'] } },
  });
  expect(errors.map(({ property }) => property)).toEqual(['.n', '.at.text']);
});

test('a part is checked with the definitions of the whole', () => {
  const whole = { $defs: { Small: { type: 'integer', maximum: 9 } } } as const;
  const part = { $ref: '#/$defs/Small' };
  expect(validator.isValid(part, 9, whole)).toBe(true);
  expect(validator.isValid(part, 10, whole)).toBe(false);
});
