// How long jobs take, by type.

import type { Stats } from '../../api/schema';
import { TypeTag } from '../../job/tags';
import { count, duration } from '../../job/words';

export function Durations({ stats }: { stats: Stats | undefined }) {
  const known = (stats?.durations ?? []).filter((of) => of.p95 !== null);
  const longest = Math.max(...known.map((of) => of.p95 ?? 0), 0.001);
  return (
    <section className="panel" aria-labelledby="durations">
      <h2 id="durations">How long they took</h2>
      {stats && known.length === 0 ? <p className="muted">No job ended in the last hour.</p> : null}
      {known.length > 0 ? (
        <table className="durations">
          <thead>
            <tr>
              <th scope="col">Type</th>
              <th scope="col">Jobs</th>
              <th scope="col">Half within</th>
              <th scope="col">19 of 20 within</th>
            </tr>
          </thead>
          <tbody>
            {known.map((of) => (
              <tr key={of.type}>
                <th scope="row">
                  <TypeTag type={of.type} />
                </th>
                <td className="number">{count(of.count)}</td>
                <td className="number">{duration((of.p50 ?? 0) * 1_000)}</td>
                <td className="number">
                  {duration((of.p95 ?? 0) * 1_000)}
                  <span className="span-bar" style={{ inlineSize: `${((of.p95 ?? 0) / longest) * 64}px` }} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  );
}
