// What schemars 1.2 says of a struct with fields of many kinds, for tests. Beside each field stands its Rust type.

import type { Schema } from '@cfworker/json-schema';

export const RICH: Schema = {
  title: 'Rich',
  description: 'All kinds.\n\nMore of it.',
  type: 'object',
  additionalProperties: false,
  required: ['scene_ids', 'plain', 'limits', 'until', 'day', 'folder', 'pair', 'target', 'name'],
  properties: {
    // Vec<Uuid>
    scene_ids: { description: 'Which scenes.', type: 'array', items: { type: 'string', format: 'uuid' } },
    // Vec<String>
    tags: { type: 'array', default: [], items: { type: 'string' } },
    // BTreeSet<u8>
    ratings: {
      type: 'array',
      default: [],
      items: { type: 'integer', format: 'uint8', maximum: 255, minimum: 0 },
      uniqueItems: true,
    },
    // Option<Vec<String>>
    maybe_list: { type: ['array', 'null'], default: null, items: { type: 'string' } },
    // Option<u32>
    limit: { description: 'How many at most.', type: ['integer', 'null'], format: 'uint32', default: null, minimum: 0 },
    // OnConflict, an enum with docs
    on_conflict: { $ref: '#/$defs/OnConflict', default: 'skip' },
    // Option<OnConflict>
    maybe_conflict: { anyOf: [{ $ref: '#/$defs/OnConflict' }, { type: 'null' }], default: null },
    // Plain, an enum without docs
    plain: { $ref: '#/$defs/Plain' },
    // Option<Plain>
    plain_opt: { anyOf: [{ $ref: '#/$defs/Plain' }, { type: 'null' }], default: null },
    // Vec<Plain>
    plains: { type: 'array', default: [], items: { $ref: '#/$defs/Plain' } },
    // Limits, a struct
    limits: { $ref: '#/$defs/Limits' },
    // Limits, #[serde(default)]
    limits_default: { description: 'Own words.', $ref: '#/$defs/Limits', default: { most: 10, rate: null } },
    // Option<Limits>
    maybe_limits: { anyOf: [{ $ref: '#/$defs/Limits' }, { type: 'null' }], default: null },
    // Vec<Limits>
    rules: { type: 'array', default: [], items: { $ref: '#/$defs/Limits' } },
    // HashMap<String, String>
    labels: { type: 'object', additionalProperties: { type: 'string' }, default: {} },
    // BTreeMap<String, f64>
    weights: { type: 'object', additionalProperties: { type: 'number', format: 'double' }, default: {} },
    // BTreeMap<u32, String>
    by_id: {
      type: 'object',
      additionalProperties: false,
      default: {},
      patternProperties: { '^\\d+$': { type: 'string' } },
    },
    // Option<DateTime<Utc>>
    since: { type: ['string', 'null'], format: 'date-time', default: null },
    // DateTime<Utc>
    until: { type: 'string', format: 'date-time' },
    // NaiveDate
    day: { type: 'string', format: 'date' },
    // PathBuf
    folder: { type: 'string' },
    // Option<PathBuf>
    maybe_folder: { type: ['string', 'null'], default: null },
    // Option<bool>
    yes: { type: ['boolean', 'null'], default: null },
    // (u32, String)
    pair: {
      type: 'array',
      maxItems: 2,
      minItems: 2,
      prefixItems: [{ type: 'integer', format: 'uint32', minimum: 0 }, { type: 'string' }],
    },
    // Target, a tagged enum
    target: { $ref: '#/$defs/Target' },
    // Option<Either>, an untagged enum
    either: { anyOf: [{ $ref: '#/$defs/Either' }, { type: 'null' }], default: null },
    // Option<Node>, a struct that holds itself
    tree: { anyOf: [{ $ref: '#/$defs/Node' }, { type: 'null' }], default: null },
    // serde_json::Value
    any: { default: null },
    // String, length and pattern
    name: { type: 'string', maxLength: 5, minLength: 1, pattern: '^[a-z]+$' },
    // f32
    ratio: { type: 'number', format: 'float', default: 0.0 },
    // Option<char>
    ch: { type: ['string', 'null'], default: null, maxLength: 1, minLength: 1 },
    // Duration
    dur: { $ref: '#/$defs/Duration', default: { nanos: 0, secs: 0 } },
  },
  $defs: {
    Duration: {
      type: 'object',
      properties: {
        nanos: { type: 'integer', format: 'uint32', minimum: 0 },
        secs: { type: 'integer', format: 'uint64', minimum: 0 },
      },
      required: ['secs', 'nanos'],
    },
    Either: { anyOf: [{ type: 'integer', format: 'uint32', minimum: 0 }, { type: 'string' }] },
    Limits: {
      description: 'Limits of a run.',
      type: 'object',
      properties: {
        most: {
          description: 'At most so many.',
          type: 'integer',
          format: 'uint32',
          default: 10,
          maximum: 100,
          minimum: 1,
        },
        rate: { description: 'Or none.', type: ['number', 'null'], format: 'double', default: null },
      },
      additionalProperties: false,
    },
    Node: {
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#/$defs/Node' } }, name: { type: 'string' } },
      required: ['name', 'children'],
    },
    OnConflict: {
      description: 'What to do with files that exist.',
      oneOf: [
        { type: 'string', enum: ['keep_both'] },
        { description: 'Leave the file that is there.', type: 'string', const: 'skip' },
        { description: 'Put the new file in its place.', type: 'string', const: 'overwrite' },
      ],
    },
    Plain: { type: 'string', enum: ['low', 'high'] },
    Target: {
      oneOf: [
        {
          description: 'One.',
          type: 'object',
          properties: { id: { type: 'string' }, kind: { type: 'string', const: 'one' } },
          required: ['kind', 'id'],
        },
        { type: 'object', properties: { kind: { type: 'string', const: 'all' } }, required: ['kind'] },
      ],
    },
  },
};
