import { barChart, dataTable, markup, legend, lineChart, renderPage } from './index.js';
import { formatNumber, ticks } from './scale.js';

describe('markup', () => {
  it('escapes values and leaves markup that it made itself', () => {
    const bold = markup`<b>${'<&"\''}</b>`;
    expect(markup`${bold}, ${[bold, 3]}, ${undefined}`.source).toBe(`${bold.source}, ${bold.source}\n3, `);
    expect(bold.source).toBe('<b>&#60;&#38;&#34;&#39;</b>');
  });
});

describe('an axis', () => {
  it.each([
    [0, [0, 1]],
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [6, [0, 2, 4, 6]],
    [960, [0, 200, 400, 600, 800, 1000]],
    [0.35, [0, 0.1, 0.2, 0.3, 0.4]],
  ])('reaches from 0 to at least %p in round steps', (max, expected) => {
    expect(ticks(max)).toEqual(expected);
  });

  it('writes numbers with three digits', () => {
    expect([0, 0.3456, 12.44, 941.2, 12_300, Number.NaN].map(formatNumber)).toEqual([
      '0',
      '0.346',
      '12.4',
      '941',
      '12,300',
      '–',
    ]);
  });
});

describe('charts', () => {
  const series = [
    {
      name: 'one',
      legendIndex: 1,
      points: [
        [0, 0],
        [10, 50],
        [20, 100],
      ] as [number, number][],
    },
  ];

  it('draw lines where their axes say', () => {
    const chart = lineChart({ title: 't', xLabel: 'seconds', yLabel: 'Mbit/s', series }).source;
    expect(chart).toContain('class="line s1" points="48,184 258,98 468,12"');
  });

  it('give a reference a place on the axis', () => {
    const reference = { label: 'limit', value: 200 };
    const chart = lineChart({ title: 't', xLabel: 's', yLabel: 'm', series, reference }).source;
    expect(chart).toMatch(/class="reference"[^>]*y1="12" y2="12"/);
  });

  it('draw bars as long as their values, and their text', () => {
    const bars = [
      { name: 'a', legendIndex: 0, value: 50 },
      { name: 'b', legendIndex: 2, value: 100, text: 'all' },
    ];
    const chart = barChart({ title: 't', axisLabel: '%', groups: [{ label: 'g', bars }] }).source;
    const widths = [...chart.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths[1]).toBe(2 * (widths[0] ?? 0));
    expect(chart).toContain('>all</text>');
  });

  it('draw nothing from nothing', () => {
    expect(lineChart({ title: 't', xLabel: 's', yLabel: 'm', series: [] }).source).not.toContain('NaN');
    expect(barChart({ title: 't', axisLabel: '%', groups: [] }).source).not.toContain('NaN');
  });
});

describe('a page', () => {
  it('is one document without scripts or addresses, its text escaped', () => {
    const page = renderPage({
      title: 'A < B',
      facts: [['Kernel', '6.18']],
      sections: [
        { heading: 'One', content: [legend(['cubic', 'bbr']), dataTable([{ label: 'L' }], [['<x>']])] },
      ],
    });
    expect(page).toContain('<title>A &#60; B</title>');
    expect(page).toContain('&#60;x&#62;');
    expect(page).not.toMatch(/<script|https?:|@import|url\(/);
  });

  it('refuses a table whose rows do not fit its columns', () => {
    expect(() => dataTable([{ label: 'one' }], [['1', '2']])).toThrow(/needs 1 cells/);
  });
});
