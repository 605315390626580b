import { dataTable, type Markup, type Page, type Section } from '../report/index.js';
import { hostFacts, comparisonSections } from '../runs/run-page.js';
import { compareRuns } from '../runs/run-charts.js';
import type { BenchDocument } from './bench-document.js';
import { viewsOf } from './bench-views.js';
import { CHECK_HEADER, checkCells, isMet } from './check.js';
import type { SectionView } from './section-view.js';

/** The bench as a page: first what is met and what is not, then every section, then the runs in the course of time. */
export function benchPage(document: BenchDocument): Page {
  const views = viewsOf(document);
  const checks = views.flatMap((view) => view.checks);
  return {
    title: 'Longhaul: the tunnel against its bars',
    lead: `${checks.filter(isMet).length} of ${checks.length} bars met. Random bytes unless it says otherwise; no rate is configured, the tunnel is cold.`,
    facts: [
      [
        'Measured',
        `${document.measuredAt.slice(0, 16).replace('T', ' ')} UTC, ${document.minutes.toFixed(0)} min`,
      ],
      ...hostFacts(document.host),
      ['Seeds', document.seeds.join(', ')],
      ['Withheld by the host', `${document.stolenSeconds.toFixed(1)} s`],
    ],
    sections: [
      ...views.map(section),
      ...failures(document),
      ...compareRuns(document.runs).flatMap(comparisonSections),
    ],
  };
}

function section({ heading, note, tables, checks, charts = [] }: SectionView): Section {
  const content: Markup[] = tables
    .filter(({ rows }) => rows.length > 0)
    .map(({ header, rows }) => dataTable(columnsOf(header), rows));
  content.push(...charts);
  if (checks.length > 0) content.push(dataTable(columnsOf(CHECK_HEADER), checks.map(checkCells)));
  return { heading, note, content };
}

function failures({ failures: failed }: BenchDocument): Section[] {
  if (failed.length === 0) return [];
  const rows = failed.map(({ what, message }) => [what, message]);
  return [{ heading: 'Not measured', content: [dataTable([{ label: 'What' }, { label: 'Why' }], rows)] }];
}

function columnsOf(header: readonly string[]): { label: string; numeric: boolean }[] {
  return header.map((label, i) => ({ label, numeric: i > 0 }));
}
