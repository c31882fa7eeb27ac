// The drawing of a curve.

import { useCallback, useMemo, useState } from 'react';
import type UPlot from 'uplot';
import type { CurvePoint } from '../../api/schema';
import { axis, Chart, type Palette } from '../../app/Chart';
import { clock, count } from '../../job/words';

const HEIGHT_PX = 200;
/** Steps of the axis of time, in seconds: whole ones, since that is what a clock shows. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

export function Plot({ points, unit }: { points: readonly CurvePoint[]; unit: string }) {
  const [under, setUnder] = useState<number>();
  const data = useMemo(() => columns(points), [points]);
  const optionsOf = useCallback((palette: Palette) => options(palette, setUnder), []);
  const point = under === undefined ? undefined : points[under];
  return (
    <>
      <Chart data={data} options={optionsOf} height={HEIGHT_PX} />
      <p className="muted number curve-under">{point ? inWords(point, unit) : ''}</p>
    </>
  );
}

function inWords({ at, progress, processed_items }: CurvePoint, unit: string): string {
  const items = processed_items === null ? '' : `, ${count(processed_items)} ${unit}`;
  return `${clock(Date.parse(at))}: ${Math.floor(progress)}%${items}`;
}

function columns(points: readonly CurvePoint[]): UPlot.AlignedData {
  return [points.map((point) => Date.parse(point.at) / 1_000), points.map((point) => point.progress)];
}

function options(
  palette: Palette,
  under: (index: number | undefined) => void,
): Omit<UPlot.Options, 'width' | 'height'> {
  return {
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: [0, 100] } },
    axes: [
      {
        ...axis(palette),
        size: 28,
        space: 80,
        incrs: STEPS,
        values: (_, moments) => moments.map((at) => clock(at * 1_000)),
      },
      { ...axis(palette), size: 48, values: (_, percents) => percents.map((percent) => `${percent}%`) },
    ],
    series: [{}, { stroke: palette.primary, width: 2, fill: `${palette.primary}22`, points: { show: false } }],
    hooks: { setCursor: [(plot) => under(plot.cursor.idx ?? undefined)] },
  };
}
