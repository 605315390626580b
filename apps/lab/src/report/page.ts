import { markup, type Markup } from './markup.js';
import { STYLE } from './style.js';

export interface Section {
  heading: string;
  /** What the reader should know before looking. */
  note?: string;
  /** Legends, tables and charts in order; `chartGrid` puts charts beside one another. */
  content: readonly Markup[];
}

export interface Page {
  title: string;
  lead?: string;
  /** Where, when and how it was measured: name and value. */
  facts: readonly (readonly [name: string, value: string])[];
  sections: readonly Section[];
}

/** One HTML document that needs nothing else: no script, no font, no address. */
export function renderPage({ title, lead, facts, sections }: Page): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body><main>
<h1>${title}</h1>
${paragraph('lead', lead)}
<dl class="facts">${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${sections.map(renderSection)}
</main></body>
</html>
`.source;
}

function renderSection({ heading, note, content }: Section): Markup {
  return markup`<section>
<h2>${heading}</h2>
${paragraph('note', note)}
${content}
</section>`;
}

function paragraph(kind: string, text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : markup`<p class="${kind}">${text}</p>`;
}

/** Charts beside one another where there is room. */
export function chartGrid(charts: readonly Markup[]): Markup {
  return markup`<div class="charts">${charts}</div>`;
}
