import { markup, type Markup } from './markup.js';

/** Colours and dashes that the style sheet has; further series begin again. */
export const SERIES_STYLES = 5;

/** The names of series with their colours; the order of `names` is the order of the charts' series. */
export function legend(names: readonly string[]): Markup {
  return markup`<p class="legend">${names.map(drawKey)}</p>`;
}

function drawKey(name: string, index: number): Markup {
  const line = markup`<line class="line ${seriesClass(index)}" x1="1" x2="23" y1="6" y2="6" />`;
  return markup`<span class="key"><svg viewBox="0 0 24 12" aria-hidden="true">${line}</svg>${name}</span>`;
}

/** Class of the series at that place of the legend. */
export function seriesClass(index: number): string {
  return `s${index % SERIES_STYLES}`;
}
