// A fact and its name. What is not known is said to be so.

import type { ReactNode } from 'react';

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  const known = children !== null && children !== undefined && children !== '';
  return (
    <div>
      <dt className="muted">{name}</dt>
      <dd>{known ? children : <span className="muted">none</span>}</dd>
    </div>
  );
}

/** A text of several lines. */
export function Text({ children }: { children: string | null }) {
  return children ? <span className="library-text">{children}</span> : <span className="muted">none</span>;
}
