// Where the form can start from: the defaults, what was run last, params that were given a name.

import CloseOutlined from '@ant-design/icons/es/icons/CloseOutlined';
import { Alert, App, Button, Input, Popconfirm, Space } from 'antd';
import { type FormEvent, useId, useState } from 'react';
import type { Params } from '../../form/params/fill';
import type { Memory } from './useRemembered';

interface Props {
  memory: Memory;
  /** What is in the form now. */
  current(): Params;
  /** Puts params into the form; the defaults when undefined. */
  load(params: Params | undefined): void;
}

export function Presets({ memory, current, load }: Props) {
  const { message } = App.useApp();
  const [naming, setNaming] = useState(false);
  const start = (name: string, params: Params | undefined) => {
    load(params);
    void message.info(`The form holds ${name}.`);
  };
  return (
    <div className="run-presets">
      <fieldset className="run-presets-row" aria-label="Start from">
        <span className="muted" aria-hidden="true">
          Start from
        </span>
        <Button size="small" onClick={() => start('the defaults', undefined)}>
          Defaults
        </Button>
        {memory.last ? (
          <Button size="small" onClick={() => start('what was run last', memory.last)}>
            Last used
          </Button>
        ) : null}
        {Object.entries(memory.presets).map(([name, params]) => (
          <Space.Compact key={name} size="small">
            <Button className="run-preset" onClick={() => start(`“${name}”`, params)}>
              <span>{name}</span>
            </Button>
            <Popconfirm
              title={`Delete “${name}”?`}
              okText="Delete"
              cancelText="Keep"
              onConfirm={() => memory.remove(name)}
            >
              <Button icon={<CloseOutlined aria-hidden />} aria-label={`Delete ${name}`} />
            </Popconfirm>
          </Space.Compact>
        ))}
        {naming ? null : (
          <Button size="small" type="text" onClick={() => setNaming(true)}>
            Save as…
          </Button>
        )}
      </fieldset>
      {naming ? <Naming memory={memory} current={current} close={() => setNaming(false)} /> : null}
    </div>
  );
}

/** Asks for the name under which the params are kept. */
function Naming({ memory, current, close }: Pick<Props, 'memory' | 'current'> & { close(): void }) {
  const id = useId();
  const [text, setText] = useState('');
  const [failure, setFailure] = useState<string>();
  const name = text.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (name === '') return;
    try {
      memory.save(name, current());
      close();
    } catch {
      setFailure('This browser keeps nothing for this page; allow it to, or free some space.');
    }
  };
  return (
    <form className="run-naming" onSubmit={save}>
      <label htmlFor={id}>Name of these params</label>
      <Input
        id={id}
        size="small"
        maxLength={60}
        autoFocus
        autoComplete="off"
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={(event) => event.key === 'Escape' && close()}
      />
      <Button size="small" type="primary" htmlType="submit" disabled={name === ''}>
        {Object.hasOwn(memory.presets, name) ? 'Replace' : 'Save'}
      </Button>
      <Button size="small" onClick={close}>
        Leave it
      </Button>
      {failure ? <Alert type="error" showIcon title={failure} /> : null}
    </form>
  );
}
