// The form of a job type's params: rjsf walks through the schema, the fields are the page's own.

// Not from the package's front: that loads its other validator too.
import Form, { type IChangeEvent } from '@rjsf/core/lib/components/Form.js';
import { type ReactNode, useMemo } from 'react';
import { OneOf, SomeOf, Toggle } from './fields/choices';
import { JsonField } from './fields/JsonField';
import { asField } from './fields/leaf';
import { MapField } from './fields/MapField';
import { NumberField } from './fields/NumberField';
import { Optional } from './fields/Optional';
import { FormStateContext } from './fields/state';
import { Tags } from './fields/Tags';
import { FieldTemplate, GroupTemplate, ListItemTemplate, ListTemplate } from './fields/templates';
import { Day, Moment, Text } from './fields/texts';
import type { LeafKind } from './params/fields';
import { formSchemas } from './params/form';
import { validator } from './params/validator';
import type { ParamsState } from './useParams';
import './form.css';

const LEAVES: Record<LeafKind, ReturnType<typeof asField>> = {
  text: asField(Text),
  path: asField(Text),
  password: asField(Text),
  number: asField(NumberField),
  toggle: asField(Toggle),
  choice: asField(OneOf),
  choices: asField(SomeOf),
  tags: asField(Tags),
  moment: asField(Moment),
  date: asField(Day),
  map: asField(MapField),
  json: asField(JsonField),
};

const FIELDS = { ...LEAVES, optional: Optional };

const TEMPLATES = {
  FieldTemplate,
  ObjectFieldTemplate: GroupTemplate,
  ArrayFieldTemplate: ListTemplate,
  ArrayFieldItemTemplate: ListItemTemplate,
};

interface Props {
  form: ParamsState;
  submit(): void;
  /** It is a part of another form, which sends it. */
  inside?: boolean;
  /** What comes after the params: the button at least, unless it is inside. */
  children?: ReactNode;
}

export function ParamsForm({ form, submit, inside, children }: Props) {
  const { root, touch, changed, setBroken } = form;
  const { schema, uiSchema } = useMemo(() => formSchemas(root), [root]);
  const state = useMemo(() => ({ touch, changed, setBroken }), [touch, changed, setBroken]);
  return (
    <FormStateContext value={state}>
      <Form
        // Params that come from elsewhere are a new form: no field may keep what was being written in it.
        key={form.version}
        schema={schema}
        uiSchema={uiSchema}
        validator={validator}
        fields={FIELDS}
        templates={TEMPLATES}
        {...(inside ? { tagName: 'div' } : {})}
        formData={form.value}
        extraErrors={form.errors}
        // What is wrong is found by the page, which also knows what the server said and which fields were touched.
        noValidate
        noHtml5Validate
        showErrorList={false}
        experimental_defaultFormStateBehavior={{ emptyObjectFields: 'skipDefaults' }}
        onChange={(event: IChangeEvent) => form.setValue(event.formData)}
        onSubmit={submit}
      >
        {/* Without any it would bring a button of its own. */}
        {inside ? <span hidden /> : children}
      </Form>
    </FormStateContext>
  );
}
