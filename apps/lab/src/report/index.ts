export { type Bar, type BarChart, type BarGroup, barChart } from './bar-chart.js';
export { type Column, dataTable } from './data-table.js';
export { Markup, markup } from './markup.js';
export { legend } from './legend.js';
export { type LineChart, type LineSeries, lineChart } from './line-chart.js';
export { chartGrid, type Page, renderPage, type Section } from './page.js';
