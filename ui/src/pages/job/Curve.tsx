// The progress of a job over time. The drawing itself is loaded when there is something to draw.

import { lazy, memo, Suspense } from 'react';
import type { CurvePoint } from '../../api/schema';
import { late } from '../../app/late';
import { clock } from '../../job/words';

const Plot = lazy(late(async () => ({ default: (await import('./Plot')).Plot })));

export const Curve = memo(function Curve({ points, unit }: { points: readonly CurvePoint[]; unit: string }) {
  return (
    <section className="panel" aria-label="Progress over time">
      <h2>Progress over time</h2>
      <div role="img" aria-label={inWords(points)} className="curve">
        <Suspense fallback={null}>
          <Plot points={points} unit={unit} />
        </Suspense>
      </div>
    </section>
  );
});

/** A curve in words: where it was, at five moments spread over it. */
function inWords(points: readonly CurvePoint[]): string {
  const steps = Math.min(5, points.length);
  const told = Array.from({ length: steps }, (_, step) => {
    const point = points[Math.round((step * (points.length - 1)) / Math.max(1, steps - 1))];
    return point ? `${Math.floor(point.progress)}% at ${clock(Date.parse(point.at))}` : '';
  });
  return `Progress: ${told.join(', ')}`;
}
