import { ChartLine, Table2 } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useResolvedTheme } from '../app/theme.js';
import { type Quantity, text } from '../lib/format.js';
import { calendarDay, calendarTime, clockTime, duration } from '../lib/time.js';
import { type SeriesPoint, toColumns } from '../live/series.js';
import { Button } from './button.js';
import { Table, Td, Th } from './table.js';

export interface ChartSeries {
  label: string;
  /** The name of a colour of the theme, such as `--series-1`. */
  colour: string;
  dashed?: boolean;
  filled?: boolean;
  read: (point: SeriesPoint) => number | null;
}

interface ChartProps {
  title: string;
  /** Unit of the vertical axis. */
  unit: string;
  series: readonly ChartSeries[];
  points: readonly SeriesPoint[];
  minutes: number;
  /** Between points that come at a fixed pace, in milliseconds: one that is missing is a gap. */
  stepMs?: number;
  /** A value with its unit, as the legend and the table write it. */
  format: (value: number) => Quantity;
  /** The smallest height of the vertical axis, so that noise near zero does not fill the plot. */
  leastTop: number;
}

const HEIGHT_PX = 168;
/** Rows of the table behind a chart. */
const TABLE_ROWS = 300;

/** The computed value of one of the theme's colours: a canvas cannot read CSS variables. */
function themeColour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function translucent(colour: string): string {
  return `color-mix(in oklch, ${colour} 12%, transparent)`;
}

const DAY_MINUTES = 24 * 60;

/** Hours of a day, or days where there are several. */
const AXIS_TIME: uPlot.Axis.Values = (plot, splits, _axis, _space, stepSeconds) => {
  const { min, max } = plot.scales.x ?? {};
  const severalDays = (max ?? 0) - (min ?? 0) > 2 * DAY_MINUTES * 60;
  return splits.map((at) =>
    severalDays
      ? calendarDay(new Date(at * 1000))
      : clockTime(new Date(at * 1000)).slice(0, stepSeconds < 60 ? 8 : 5),
  );
};

type OnCursor = (atSeconds: number | undefined) => void;

function plotOptions(
  series: readonly ChartSeries[],
  leastTop: number,
  width: number,
  onCursor: OnCursor,
): uPlot.Options {
  const axis = {
    stroke: themeColour('--ink-3'),
    font: '11px "Inter Variable", sans-serif',
    grid: { stroke: themeColour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT_PX,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'link' }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(leastTop, max * 1.12)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 56, size: 26, gap: 4, values: AXIS_TIME },
      { ...axis, size: 46, gap: 6, space: 34 },
    ],
    series: [
      {},
      ...series.map(({ label, colour, dashed, filled }) => {
        const stroke = themeColour(colour);
        return {
          label,
          stroke,
          width: 1.6,
          points: { show: false },
          ...(dashed && { dash: [5, 4] }),
          ...(filled && { fill: translucent(stroke) }),
        };
      }),
    ],
    hooks: {
      setCursor: [
        ({ cursor, data }) => {
          onCursor(cursor.idx == null ? undefined : data[0][cursor.idx]);
        },
      ],
    },
  };
}

/** The plot itself, on a canvas that follows its container, the theme and the data. */
function Plot({
  points,
  series,
  minutes,
  stepMs,
  leastTop,
  onCursor,
}: ChartProps & { onCursor: OnCursor }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const theme = useResolvedTheme();

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(plotOptions(series, leastTop, element.clientWidth, onCursor), [[]], element);
    plot.current = made;
    const resize = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [series, leastTop, theme, onCursor]);

  useEffect(() => {
    const made = plot.current;
    if (made === undefined) return;
    const nowSeconds = Date.now() / 1000;
    made.batch(() => {
      made.setData(
        toColumns(
          points,
          series.map(({ read }) => read),
          stepMs,
        ) as uPlot.AlignedData,
        true,
      );
      made.setScale('x', { min: nowSeconds - minutes * 60, max: nowSeconds });
    });
  }, [points, series, leastTop, minutes, stepMs, theme]);

  return <div ref={host} className="live-graphic overflow-hidden" style={{ height: HEIGHT_PX }} />;
}

function Legend({
  series,
  point,
  format,
}: Pick<ChartProps, 'series' | 'format'> & { point: SeriesPoint | undefined }): ReactNode {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-0.5 text-xs text-ink-2">
      {series.map(({ label, colour, dashed, read }) => {
        const value = point === undefined ? null : read(point);
        return (
          <li key={label} className="flex items-center gap-1.5">
            <svg aria-hidden width="14" height="4" className="live-graphic">
              <line
                x1="0"
                y1="2"
                x2="14"
                y2="2"
                stroke={`var(${colour})`}
                strokeWidth="2.4"
                {...(dashed && { strokeDasharray: '4 2.5' })}
              />
            </svg>
            {label}
            <strong className="num live-value font-semibold text-ink">
              {text(value === null ? undefined : format(value))}
            </strong>
          </li>
        );
      })}
    </ul>
  );
}

function PointsTable({ title, series, points, format, minutes }: ChartProps): ReactNode {
  const rows = points.slice(-TABLE_ROWS).reverse();
  return (
    <Table
      label={`${title}, as a table`}
      className="max-h-64 overflow-y-auto rounded border border-line"
      head={
        <>
          <Th>Time</Th>
          {series.map(({ label }) => (
            <Th key={label} right>
              {label}
            </Th>
          ))}
        </>
      }
    >
      {rows.map((point) => (
        <tr key={point.atMs}>
          <Td className="num py-1">
            {(minutes < DAY_MINUTES ? clockTime : calendarTime)(new Date(point.atMs))}
          </Td>
          {series.map(({ label, read }) => {
            const value = read(point);
            return (
              <Td key={label} right className="num py-1">
                {text(value === null ? undefined : format(value))}
              </Td>
            );
          })}
        </tr>
      ))}
    </Table>
  );
}

/** A live series with its legend, and the same numbers as a table. */
export function Chart(props: ChartProps): ReactNode {
  const { title, unit, series, points, format, minutes } = props;
  const [asTable, setAsTable] = useState(false);
  const [cursorTime, setCursorTime] = useState<number>();
  const shown = points.find(({ atMs }) => atMs / 1000 === cursorTime) ?? points.at(-1);
  const summary = series
    .map(({ label, read }) => {
      const last = points.at(-1);
      const value = last === undefined ? null : read(last);
      return `${label} ${text(value === null ? undefined : format(value))}`;
    })
    .join(', ');
  return (
    <figure className="flex h-full min-w-0 flex-col justify-between">
      <div className="mb-1.5 flex items-start gap-2">
        <figcaption className="min-w-0 flex-1">
          <h3 className="text-sm font-semibold">
            {title} <span className="font-normal text-ink-3">{unit}</span>
          </h3>
          <Legend series={series} point={shown} format={format} />
        </figcaption>
        <Button
          variant="ghost"
          small
          icon
          aria-label={asTable ? `${title}: show as a graph` : `${title}: show as a table`}
          title={asTable ? 'Show as a graph' : 'Show as a table'}
          onClick={() => {
            setAsTable(!asTable);
          }}
        >
          {asTable ? <ChartLine aria-hidden className="size-4" /> : <Table2 aria-hidden className="size-4" />}
        </Button>
      </div>
      {asTable ? (
        <PointsTable {...props} />
      ) : (
        <div
          role="img"
          aria-label={`${title} over the last ${duration(minutes * 60_000)}. Latest: ${summary}.`}
        >
          <Plot {...props} onCursor={setCursorTime} />
        </div>
      )}
    </figure>
  );
}
