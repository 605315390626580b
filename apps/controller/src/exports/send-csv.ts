import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';

/**
 * Answers with comma-separated values (RFC 4180), row by row as they come and no faster than the client takes them. What a
 * spreadsheet would take for a formula begins with an apostrophe. Rejects when the client goes away.
 */
export const sendCsv = async (
  response: ServerResponse,
  {
    fileName,
    columns,
    rows,
  }: { fileName: string; columns: readonly string[]; rows: AsyncIterable<object> | Iterable<object> },
): Promise<void> => {
  response.setHeader('Content-Type', 'text/csv; charset=utf-8');
  response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`);
  response.setHeader('Cache-Control', 'no-store');
  const csv = stringify({
    header: true,
    columns: [...columns],
    record_delimiter: 'windows',
    escape_formulas: true,
    cast: { date: (value) => value.toISOString() },
  });
  await pipeline(Readable.from(rows), csv, response);
};
