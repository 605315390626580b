import { markup, type Markup } from './markup.js';
import { seriesClass } from './legend.js';
import { formatNumber, ticks } from './scale.js';

const WIDTH = 760;
const LEFT = 150;
/** Room for the text behind the longest bar. */
const RIGHT = 96;
const TOP = 8;
const BOTTOM = 38;
const BAR = 13;
const GROUP_GAP = 12;

export interface Bar {
  name: string;
  /** Place in the page's legend; decides on the colour. */
  legendIndex: number;
  /** Length on the axis. */
  value: number;
  /** Text behind the bar; its value if left out. */
  text?: string;
}

export interface BarGroup {
  label: string;
  bars: readonly Bar[];
  /** A value to compare the group with, as a stroke across its bars. */
  mark?: { label: string; value: number };
}

export interface BarChart {
  title: string;
  /** With the unit, e.g. `% of the link's limit`. */
  axisLabel: string;
  groups: readonly BarGroup[];
}

type Position = (value: number) => number;

/** Groups of horizontal bars on one axis from zero. */
export function barChart({ title, axisLabel, groups }: BarChart): Markup {
  const values = groups.flatMap(({ bars, mark }) => [...bars.map(({ value }) => value), mark?.value ?? 0]);
  const axis = ticks(values.reduce((most, value) => Math.max(most, value), 0));
  const end = axis[axis.length - 1] ?? 1;
  const x: Position = (value) => Number((LEFT + (value / end) * (WIDTH - LEFT - RIGHT)).toFixed(1));
  const tops = groupTops(groups);
  const bottom = tops[groups.length] ?? TOP;
  return markup`<figure class="wide">
    <figcaption>${title}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" role="img" aria-label="${title}: ${axisLabel}">
      ${axis.map((tick) => drawTick(tick, x(tick), bottom))}
      <text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 32}" text-anchor="middle">${axisLabel}</text>
      ${groups.map((group, i) => drawGroup(group, tops[i] ?? 0, x))}
    </svg>
  </figure>`;
}

function drawTick(tick: number, x: number, bottom: number): Markup {
  return markup`<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}" />
    <text class="tick" x="${x}" y="${bottom + 15}" text-anchor="middle">${formatNumber(tick)}</text>`;
}

/** Where each group begins, and where the last one ends. */
function groupTops(groups: readonly BarGroup[]): number[] {
  const tops = [TOP + GROUP_GAP / 2];
  for (const { bars } of groups) tops.push((tops[tops.length - 1] ?? 0) + bars.length * BAR + GROUP_GAP);
  return tops;
}

function drawGroup({ label, bars, mark }: BarGroup, top: number, x: Position): Markup {
  const height = bars.length * BAR;
  return markup`<text class="group" x="${LEFT - 8}" y="${top + height / 2}" dy="0.32em" text-anchor="end">${label}</text>
    ${bars.map((bar, i) => drawBar(bar, top + i * BAR, x))}
    ${mark && drawMark(mark, x(mark.value), top - 3, top + height + 2)}
    ${bars.map((bar, i) => drawValue(bar, top + i * BAR, x))}`;
}

function drawBar({ name, legendIndex, value }: Bar, top: number, x: Position): Markup {
  const width = Math.max(x(value) - LEFT, 0.5);
  return markup`<rect class="bar ${seriesClass(legendIndex)}" x="${LEFT}" y="${top}" width="${width}" height="${BAR - 2}"><title>${name}</title></rect>`;
}

function drawMark({ label }: { label: string }, x: number, top: number, bottom: number): Markup {
  return markup`<line class="mark" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"><title>${label}</title></line>`;
}

function drawValue({ value, text }: Bar, top: number, x: Position): Markup {
  const middle = top + (BAR - 2) / 2;
  return markup`<text class="value" x="${x(value) + 5}" y="${middle}" dy="0.34em">${text ?? formatNumber(value)}</text>`;
}
