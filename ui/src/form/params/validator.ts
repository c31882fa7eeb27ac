// The check as rjsf asks for it. rjsf's own validator compiles schemas with `eval`, which the page's policy forbids.

import type { Schema } from '@cfworker/json-schema';
import {
  type RJSFSchema,
  type RJSFValidationError,
  toErrorList,
  toErrorSchema,
  type ValidationData,
  type ValidatorType,
} from '@rjsf/utils';
import { check, steps } from './check';

export const validator: ValidatorType = {
  validateFormData(formData, schema): ValidationData<unknown> {
    const found = errorsOf(formData, schema);
    const errorSchema = toErrorSchema(found);
    return { errors: toErrorList(errorSchema), errorSchema };
  },
  isValid(schema, formData, rootSchema) {
    return check(formData, { ...schema, $defs: rootSchema.$defs } as Schema).length === 0;
  },
  rawValidation<Result>(schema: RJSFSchema, formData?: unknown) {
    return { errors: errorsOf(formData, schema) as Result[] };
  },
};

function errorsOf(formData: unknown, schema: RJSFSchema): RJSFValidationError[] {
  return check(formData, schema as Schema).map(({ pointer, message }) => {
    const property = steps(pointer)
      .map((step) => `.${step}`)
      .join('');
    return { property, message, stack: `${property} ${message}` };
  });
}
