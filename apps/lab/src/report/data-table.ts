import { markup, type Markup } from './markup.js';

export interface Column {
  label: string;
  /** Numbers stand to the right. */
  numeric?: boolean;
}

/** A table of text; cells beyond the columns are refused. @throws RangeError */
export function dataTable(columns: readonly Column[], rows: readonly (readonly string[])[]): Markup {
  if (rows.some((row) => row.length !== columns.length)) {
    throw new RangeError(`each row needs ${columns.length} cells`);
  }
  const side = (i: number): string => (columns[i]?.numeric ? 'number' : 'text');
  return markup`<div class="scroll"><table>
    <thead><tr>${columns.map(({ label }, i) => markup`<th scope="col" class="${side(i)}">${label}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => markup`<tr>${cells.map((cell, i) => markup`<td class="${side(i)}">${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
