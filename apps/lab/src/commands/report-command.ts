import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { benchDocumentSchema } from '../bench/bench-document.js';
import { benchPage } from '../bench/bench-page.js';
import { migrationDocumentSchema } from '../migration/migration-document.js';
import { migrationPage } from '../migration/migration-page.js';
import { type Page, renderPage } from '../report/index.js';
import { runDocumentSchema } from '../runs/run-document.js';
import { runPage } from '../runs/run-page.js';

/** A kind of result: its page if the document is one of that kind. */
type PageOf = (document: unknown) => Page | undefined;

const KINDS: Readonly<Record<string, PageOf>> = {
  'lab run --json': (document) => {
    const { data } = runDocumentSchema.safeParse(document);
    return data && runPage(data);
  },
  'lab bench --json': (document) => {
    const { data } = benchDocumentSchema.safeParse(document);
    return data && benchPage(data);
  },
  'lab migrate --json': (document) => {
    const { data } = migrationDocumentSchema.safeParse(document);
    return data && migrationPage(data);
  },
};

/** `lab report` */
export function reportCommand(): Command {
  return new Command('report')
    .description('makes a page with charts, one HTML file that needs nothing else, of a result')
    .argument('<result>', `JSON that was printed by ${Object.keys(KINDS).join(' or ')}`)
    .requiredOption('--html <file>', 'the page to write')
    .action((result: string, { html }: { html: string }) => {
      writeFileSync(html, renderPage(pageOf(result, readJson(result))));
      process.stderr.write(`wrote ${html}\n`);
    });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function pageOf(file: string, document: unknown): Page {
  for (const kind of Object.values(KINDS)) {
    const page = kind(document);
    if (page) return page;
  }
  throw new Error(
    `${file} is not what ${Object.keys(KINDS).join(' or ')} of this version prints: run it again`,
  );
}
