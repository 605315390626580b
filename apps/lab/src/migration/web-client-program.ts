/**
 * `web-client-program URL INTERVAL_MS TIMEOUT_MS`: fetches a page again and again, over a new connection every time,
 * whether or not earlier requests have been answered. Prints each request's end as a line of JSON, a WebRequest
 * with the page's text. Runs until it is killed.
 */
import { get } from 'node:http';
import { monotonicMs } from './monotonic-clock.js';

const [url = '', intervalMs = '', timeoutMs = ''] = process.argv.slice(2);

function fetchPage(): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(Number(timeoutMs));
    const request = get(url, { agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('error', reject);
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error())));
    });
    request.on('error', reject);
  });
}

async function fetchAndTell(): Promise<void> {
  const askedMs = monotonicMs();
  const text = await fetchPage().catch(() => undefined);
  const answeredMs = text === undefined ? undefined : monotonicMs();
  process.stdout.write(`${JSON.stringify({ askedMs, answeredMs, text })}\n`);
}

setInterval(() => void fetchAndTell(), Number(intervalMs));
