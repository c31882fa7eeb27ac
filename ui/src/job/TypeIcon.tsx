// A job type's icon: any of Ant Design's outlined ones, by the name that the job's file gives. A new type needs no change here.

import './job.css';

export function TypeIcon({ name }: { name: string }) {
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return <span className="type-icon" aria-hidden="true" style={{ maskImage: `url(/icons/${file}.svg)` }} />;
}
