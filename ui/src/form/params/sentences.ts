// What is wrong with a value, in words that go on "It …".

import type { Schema } from '@cfworker/json-schema';
import { count, plural } from '../../job/words';

export function sentence(keyword: string, schema: Schema): string {
  switch (keyword) {
    case 'type':
      return `must be ${anyOne([schema.type ?? []].flat().filter((type) => type !== 'null'))}`;
    case 'minimum':
      return `must be at least ${count(Number(schema.minimum))}`;
    case 'maximum':
      return `must be at most ${count(Number(schema.maximum))}`;
    case 'exclusiveMinimum':
      return `must be more than ${count(Number(schema.exclusiveMinimum))}`;
    case 'exclusiveMaximum':
      return `must be less than ${count(Number(schema.exclusiveMaximum))}`;
    case 'multipleOf':
      return `must be a multiple of ${schema.multipleOf}`;
    case 'minLength':
      return schema.minLength === 1
        ? 'must be filled in'
        : `must have at least ${plural(schema.minLength ?? 0, 'character')}`;
    case 'maxLength':
      return `must have at most ${plural(schema.maxLength ?? 0, 'character')}`;
    case 'pattern':
      return `must fit the pattern ${schema.pattern}`;
    case 'format':
      return `must be ${FORMATS[schema.format ?? ''] ?? `a ${schema.format}`}`;
    case 'enum':
      return `must be one of ${(schema.enum ?? []).filter((value) => value !== null).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(schema.const)}`;
    case 'minItems':
      return `must have at least ${plural(schema.minItems ?? 0, 'entry', 'entries')}`;
    case 'maxItems':
      return `must have at most ${plural(schema.maxItems ?? 0, 'entry', 'entries')}`;
    case 'uniqueItems':
      return 'must not have the same entry twice';
    case 'minProperties':
      return `must have at least ${plural(schema.minProperties ?? 0, 'entry', 'entries')}`;
    case 'maxProperties':
      return `must have at most ${plural(schema.maxProperties ?? 0, 'entry', 'entries')}`;
    case 'false':
      return 'is not known here';
    case 'anyOf':
    case 'oneOf':
      return 'fits none of the forms that are allowed';
    default:
      return 'is not allowed';
  }
}

const TYPES: Record<string, string> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

const FORMATS: Record<string, string> = {
  uuid: 'an id like 0190a5b4-6c1e-7d2f-8a3b-4c5d6e7f8091',
  'date-time': 'a time like 2026-01-31T18:00:00Z',
  date: 'a day like 2026-01-31',
  time: 'a time of day like 18:00:00Z',
  email: 'an e-mail address',
  uri: 'an address like https://example.org/',
  url: 'an address like https://example.org/',
  ipv4: 'an address like 192.0.2.1',
  ipv6: 'an address like 2001:db8::1',
  ip: 'an IP address',
  duration: 'a time span like PT5M',
  regex: 'a regular expression',
};

function anyOne(types: string[]): string {
  return types.length === 0 ? 'null' : types.map((type) => TYPES[type] ?? type).join(' or ');
}
