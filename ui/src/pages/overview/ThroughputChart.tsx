// The minutes of the window as bars, one on top of the other.

import { useMemo } from 'react';
import UPlot from 'uplot';
import type { Stats } from '../../api/schema';
import { axis, Chart, type Palette } from '../../app/Chart';
import { clock } from '../../job/words';
import { columns } from './minutes';

export function ThroughputChart({ stats, readAt }: { stats: Stats; readAt: number }) {
  const data = useMemo(() => columns(stats.throughput, stats.minutes, readAt), [stats, readAt]);
  return <Chart data={drawnOver(data)} options={options} height={180} />;
}

/** The tallest layer is drawn first, the lower ones over it. */
function drawnOver([at, failed, cancelled, completed]: ReturnType<typeof columns>): UPlot.AlignedData {
  return [at, completed, cancelled, failed];
}

function options(palette: Palette): Omit<UPlot.Options, 'width' | 'height'> {
  const bars = UPlot.paths.bars?.({ size: [0.7, 20] });
  const layer = (label: string, fill: string) => ({
    label,
    fill,
    stroke: fill,
    width: 0,
    paths: bars,
    points: { show: false },
  });
  return {
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (_, first, last) => [first - 30, last + 30] },
      y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] },
    },
    axes: [
      {
        ...axis(palette),
        grid: { show: false },
        values: (_, seconds) => seconds.map((at) => clock(at * 1_000).slice(0, 5)),
      },
      {
        ...axis(palette),
        size: 44,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000],
      },
    ],
    series: [
      {},
      layer('completed', palette.success),
      layer('cancelled', palette.quiet),
      layer('failed', palette.error),
    ],
  };
}
