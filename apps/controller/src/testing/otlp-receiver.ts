import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP's JSON has it, as far as tests look. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId: string | undefined;
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly parentSpanId?: string;
        readonly attributes: readonly KeyValue[];
      }[];
    }[];
  }[];
}

const toRecord = (attributes: readonly KeyValue[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A receiver of OTLP over HTTP (JSON), as a collector has one; it keeps every span. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST' || request.url !== '/v1/traces') {
        response.writeHead(404).end();
        return;
      }
      this.take(JSON.parse(Buffer.concat(chunks).toString()) as ExportRequest);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  });

  /** Resolves to the endpoint. */
  start(): Promise<string> {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`);
      });
    });
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private take({ resourceSpans }: ExportRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(toRecord(resource.attributes)['service.name']);
      for (const { name, traceId, parentSpanId, attributes } of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({ name, traceId, parentSpanId, service, attributes: toRecord(attributes) });
      }
    }
  }
}
