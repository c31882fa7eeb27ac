// How the form is laid out: a field with its label, help and error; a group; a list of groups.

import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
} from '@rjsf/utils';
import { Button } from 'antd';
import type { MouseEvent } from 'react';
import { capital } from '../../job/words';
import type { Field } from '../params/fields';
import { Prose } from './Prose';
import { fieldId, useFormState } from './state';

function fieldOf(props: { uiSchema?: FieldTemplateProps['uiSchema'] }): Field | undefined {
  return props.uiSchema?.['ui:options']?.shown as Field | undefined;
}

/** A field. Groups, lists and what may be left out have a frame of their own. */
export function FieldTemplate(props: FieldTemplateProps) {
  const { children, fieldPathId, required = false, rawErrors, uiSchema } = props;
  const field = fieldOf(props);
  if (!field || field.kind === 'group' || field.kind === 'list' || uiSchema?.['ui:field'] === 'optional') {
    return children;
  }
  const id = fieldId(fieldPathId.path.map(String));
  return (
    <div className={`form-field form-field-${field.kind}`}>
      {field.kind === 'toggle' ? null : <Label id={id} field={field} required={required} />}
      {children}
      <div id={`${id}-help`} className="form-help muted">
        {field.description ? <Prose text={field.description} /> : null}
      </div>
      <ErrorLine id={id} message={rawErrors?.[0]} />
    </div>
  );
}

function Label({ id, field, required }: { id: string; field: Field; required: boolean }) {
  return (
    <label id={`${id}-label`} htmlFor={id} className={required ? 'form-required' : undefined}>
      {field.title}
      {field.nullable && !required ? <span className="muted"> (optional)</span> : null}
    </label>
  );
}

/** Its room is always there, so that nothing moves when an error comes. */
export function ErrorLine({ id, message }: { id: string; message: string | undefined }) {
  return (
    <div id={`${id}-error`} className="form-error" aria-live="polite">
      {message ? capital(message) : null}
    </div>
  );
}

export function GroupTemplate(props: ObjectFieldTemplateProps) {
  const { properties, title, fieldPathId } = props;
  const field = fieldOf(props);
  const fields = properties.map((property) => <div key={property.name}>{property.content}</div>);
  // The whole of the params has the page around it.
  if (fieldPathId.path.length === 0) {
    return (
      <div className="form-fields">{fields.length > 0 ? fields : <p className="muted">It takes no params.</p>}</div>
    );
  }
  // An optional one is named by what switches it on.
  const named = !field?.nullable;
  return (
    <fieldset className="form-group" aria-label={named ? undefined : title}>
      {named ? <legend>{title.replace(/-(\d+)$/, ' $1')}</legend> : null}
      {field?.description ? (
        <div className="form-help muted">
          <Prose text={field.description} />
        </div>
      ) : null}
      <div className="form-fields">{fields}</div>
    </fieldset>
  );
}

export function ListTemplate(props: ArrayFieldTemplateProps) {
  const { items, title, canAdd, onAddClick, rawErrors, fieldPathId } = props;
  const { changed } = useFormState();
  const field = fieldOf(props);
  const path = fieldPathId.path.map(String);
  const id = fieldId(path);
  const add = (event: MouseEvent) => {
    changed(path);
    onAddClick(event);
  };
  return (
    <fieldset className="form-group" aria-label={title} aria-describedby={`${id}-error`}>
      {field?.nullable ? null : <legend>{title}</legend>}
      {field?.description ? (
        <div className="form-help muted">
          <Prose text={field.description} />
        </div>
      ) : null}
      {items}
      <Button id={id} disabled={!canAdd} onClick={add}>
        Add {items.length === 0 ? 'one' : 'another'}
      </Button>
      <ErrorLine id={id} message={rawErrors?.[0]} />
    </fieldset>
  );
}

export function ListItemTemplate({ children, buttonsProps, index }: ArrayFieldItemTemplateProps) {
  const { hasMoveUp, hasMoveDown, onMoveUpItem, onMoveDownItem, onRemoveItem } = buttonsProps;
  const which = `entry ${index + 1}`;
  return (
    <div className="form-list-item">
      {children}
      <div className="form-list-buttons">
        <Button size="small" disabled={!hasMoveUp} onClick={onMoveUpItem} aria-label={`Move ${which} up`}>
          Up
        </Button>
        <Button size="small" disabled={!hasMoveDown} onClick={onMoveDownItem} aria-label={`Move ${which} down`}>
          Down
        </Button>
        <Button size="small" onClick={onRemoveItem} aria-label={`Remove ${which}`}>
          Remove
        </Button>
      </div>
    </div>
  );
}
