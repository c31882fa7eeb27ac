// The drawing of a curve, with uPlot, in the colours of the page.

import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useAppearance } from '../../app/Theme';
import { clock, count } from '../../job/words';
import type { Point } from './points';

const HEIGHT_PX = 200;
/** Steps of the axis of time, in seconds: whole ones, since that is what a clock shows. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

export function Plot({ points, unit }: { points: readonly Point[]; unit: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(points);
  const [under, setUnder] = useState<number | null>(null);
  const { dark } = useAppearance();

  // Made anew for other colours.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the page, which `dark` changes
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(options(element, setUnder), series(latest.current), element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark]);

  useEffect(() => {
    latest.current = points;
    plot.current?.setData(series(points));
  }, [points]);

  const point = under === null ? undefined : points[under];
  return (
    <>
      <div ref={box} className="curve-box" style={{ height: HEIGHT_PX }} />
      <p className="muted number curve-under">{point ? inWords(point, unit) : ' '}</p>
    </>
  );
}

function inWords({ at, progress, processed_items }: Point, unit: string): string {
  const items = processed_items === null ? '' : `, ${count(processed_items)} ${unit}`;
  return `${clock(Date.parse(at))}: ${Math.floor(progress)}%${items}`;
}

function series(points: readonly Point[]): uPlot.AlignedData {
  return [points.map((point) => Date.parse(point.at) / 1_000), points.map((point) => point.progress)];
}

function options(element: HTMLElement, under: (index: number | null) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(`--ant-color-${name}`).trim();
  const axis = {
    stroke: color('text-secondary'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: color('border-secondary'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: [0, 100] } },
    axes: [
      {
        ...axis,
        size: 28,
        space: 80,
        incrs: STEPS,
        values: (_, moments) => moments.map((moment) => clock(moment * 1_000)),
      },
      { ...axis, size: 48, values: (_, percents) => percents.map((percent) => `${percent}%`) },
    ],
    series: [
      {},
      { stroke: color('primary'), width: 2, fill: color('primary-bg'), points: { show: false }, spanGaps: true },
    ],
    hooks: { setCursor: [(plot) => under(plot.cursor.idx ?? null)] },
  };
}
