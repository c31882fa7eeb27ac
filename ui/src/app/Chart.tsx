// A uPlot chart in React: as wide as its place, in the colours of the theme, drawn anew only when its data changed.
// Import it from lazily loaded files only.

import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import { useAppearance } from './Theme';
import 'uplot/dist/uPlot.min.css';

/** The theme's font and colours: a canvas knows no CSS variables. */
export interface Palette {
  font: string;
  text: string;
  grid: string;
  primary: string;
  success: string;
  error: string;
  quiet: string;
}

interface Props {
  data: UPlot.AlignedData;
  /** Everything but the size. Made anew only for another theme: keep the function the same between renderings. */
  options(palette: Palette): Omit<UPlot.Options, 'width' | 'height'>;
  height: number;
}

export function Chart({ data, options, height }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot>(undefined);
  const newest = useRef(data);
  newest.current = data;
  const { dark } = useAppearance();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `dark` changes what the palette reads from the page
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const size = () => ({ width: Math.max(1, element.clientWidth), height });
    const colors = palette(element);
    const drawn = new UPlot({ ...options(colors), ...size() }, newest.current, element);
    chart.current = drawn;
    // A canvas is not drawn again by itself when its font arrives.
    document.fonts.load(colors.font).then(
      () => chart.current === drawn && drawn.redraw(false, true),
      () => undefined,
    );
    const observer = new ResizeObserver(() => {
      if (element.clientWidth !== drawn.width) drawn.setSize(size());
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      chart.current = undefined;
    };
  }, [options, height, dark]);

  useEffect(() => chart.current?.setData(data), [data]);

  return <div ref={place} style={{ height }} />;
}

/** What the axes of every chart have in common. */
export function axis({ font, text, grid }: Palette): UPlot.Axis {
  return { font, stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
}

function palette(element: HTMLElement): Palette {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(`--ant-${name}`).trim() || 'gray';
  return {
    font: `12px ${style.fontFamily}`,
    text: color('color-text-secondary'),
    grid: color('color-border-secondary'),
    primary: color('color-primary'),
    success: color('color-success'),
    error: color('color-error'),
    quiet: color('color-border'),
  };
}
