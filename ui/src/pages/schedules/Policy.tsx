// One of few ways to go on, each with a line of what it does.

import { Radio } from 'antd';
import { useId } from 'react';

interface Props<K extends string> {
  legend: string;
  choices: Record<K, { label: string; help: string }>;
  value: K;
  change(value: K): void;
}

export function Policy<K extends string>({ legend, choices, value, change }: Props<K>) {
  const name = useId();
  return (
    <fieldset className="policy">
      <legend>{legend}</legend>
      {(Object.keys(choices) as K[]).map((key) => (
        <Radio key={key} name={name} checked={key === value} onChange={() => change(key)}>
          {choices[key].label}
          <span className="policy-help muted">{choices[key].help}</span>
        </Radio>
      ))}
    </fieldset>
  );
}
