import type { ReactNode } from 'react';

const WIDTH = 88;
const HEIGHT = 22;

/** The shape of the last minute. Decoration beside a number: hidden from assistive technology. */
export function Sparkline({ values, slots }: { values: readonly number[]; slots: number }): ReactNode {
  if (values.length < 2)
    return <span aria-hidden className="inline-block" style={{ width: WIDTH, height: HEIGHT }} />;
  const top = Math.max(...values, 1e-9) * 1.1;
  const x = (index: number): number => WIDTH - ((values.length - 1 - index) * WIDTH) / (slots - 1);
  const y = (value: number): number => HEIGHT - 1.5 - (value / top) * (HEIGHT - 3);
  const line = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  return (
    <svg
      aria-hidden
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
      className="live-graphic block"
    >
      <polygon
        points={`${x(0).toFixed(1)},${String(HEIGHT)} ${line} ${String(WIDTH)},${String(HEIGHT)}`}
        fill="var(--series-1)"
        opacity="0.13"
      />
      <polyline points={line} fill="none" stroke="var(--series-1)" strokeWidth="1.4" strokeLinejoin="round" />
    </svg>
  );
}
