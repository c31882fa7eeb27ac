// A text that is typed: taken over when the hand rests, on Enter, and when the field is left.

import { useEffect, useRef, useState } from 'react';

const REST_MS = 300;

/**
 * `commit` hears the text, and whether it only goes on with what was typed since the field was entered: one visit of a field is
 * one step back in the browser's history.
 */
export function useTyped(value: string, commit: (text: string, goesOn: boolean) => void) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const goesOn = useRef(false);
  const heard = useRef(commit);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    heard.current = commit;
  });
  // What changed elsewhere, by the back button say, replaces what stands in the field.
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const send = (typed: string) => {
    clearTimeout(timer.current);
    if (typed.trim() === sent.current) return;
    sent.current = typed.trim();
    heard.current(sent.current, goesOn.current);
    goesOn.current = true;
  };
  return {
    value: text,
    onChange: (event: { target: { value: string } }) => {
      const typed = event.target.value;
      setText(typed);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => send(typed), REST_MS);
    },
    onKeyDown: (event: { key: string }) => {
      if (event.key === 'Enter') send(text);
    },
    onBlur: () => {
      send(text);
      goesOn.current = false;
    },
  };
}
