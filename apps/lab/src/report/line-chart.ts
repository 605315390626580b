import { markup, type Markup } from './markup.js';
import { seriesClass } from './legend.js';
import { formatNumber, ticks } from './scale.js';

const WIDTH = 480;
const HEIGHT = 220;
const LEFT = 48;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 36;

export interface LineSeries {
  name: string;
  /** Place in the page's legend; decides on the colour. */
  legendIndex: number;
  /** x and y, in order of x. */
  points: readonly (readonly [number, number])[];
}

export interface LineChart {
  title: string;
  /** With the unit, e.g. `seconds`. */
  xLabel: string;
  yLabel: string;
  series: readonly LineSeries[];
  /** A value to compare with, as a dashed line across. */
  reference?: { label: string; value: number };
}

type Position = (value: number) => number;

/** Values over time, both axes from zero. Draws without any series, too: an empty frame. */
export function lineChart({ title, xLabel, yLabel, series, reference }: LineChart): Markup {
  const points = series.flatMap((one) => one.points);
  const xTicks = ticks(largest(points.map(([x]) => x)));
  const yTicks = ticks(Math.max(largest(points.map(([, y]) => y)), reference?.value ?? 0));
  const x = position(xTicks, LEFT, WIDTH - RIGHT);
  const y = position(yTicks, HEIGHT - BOTTOM, TOP);
  return markup`<figure>
    <figcaption>${title}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: ${yLabel} over ${xLabel}">
      ${yTicks.map((tick) => drawLevel(tick, y(tick)))}
      ${xTicks.map((tick) => drawMoment(tick, x(tick)))}
      <text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 5}" text-anchor="middle">${xLabel}</text>
      <text class="label" transform="translate(11 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text>
      ${reference && drawReference(reference.label, y(reference.value))}
      ${series.map((one) => drawSeries(one, x, y))}
    </svg>
  </figure>`;
}

function drawLevel(tick: number, y: number): Markup {
  return markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" />
    <text class="tick" x="${LEFT - 6}" y="${y}" dy="0.32em" text-anchor="end">${formatNumber(tick)}</text>`;
}

function drawMoment(tick: number, x: number): Markup {
  return markup`<text class="tick" x="${x}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${formatNumber(tick)}</text>`;
}

function drawReference(label: string, y: number): Markup {
  return markup`<line class="reference" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" />
    <text class="tick" x="${WIDTH - RIGHT}" y="${y - 4}" text-anchor="end">${label}</text>`;
}

function drawSeries({ name, legendIndex, points }: LineSeries, x: Position, y: Position): Markup {
  const drawn = points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
  return markup`<polyline class="line ${seriesClass(legendIndex)}" points="${drawn}"><title>${name}</title></polyline>`;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** From a value of the axis to a coordinate. */
function position(axis: readonly number[], from: number, to: number): Position {
  const end = axis[axis.length - 1] ?? 1;
  return (value) => Number((from + (value / end) * (to - from)).toFixed(1));
}
