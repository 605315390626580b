import type { Markup } from '../report/index.js';
import type { Check } from './check.js';

export interface ViewTable {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What a section has to show, for Markdown and for a page. */
export interface SectionView {
  heading: string;
  /** How it was measured. */
  note: string;
  tables: readonly ViewTable[];
  checks: readonly Check[];
  /** For a page alone. */
  charts?: readonly Markup[];
}
