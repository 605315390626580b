import { context, propagation, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

export interface TracingSettings {
  /** Of an OTLP receiver over HTTP; spans go to `/v1/traces` below it. */
  readonly endpoint: string;
  readonly serviceName: string;
}

const TRACER = 'longhaul';

/** Sends spans from now on. @returns how to send what is left and stop */
export const startTracing = ({ endpoint, serviceName }: TracingSettings): (() => Promise<void>) => {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    // Spans that cannot be sent are not worth a failed shutdown.
    await provider.shutdown().catch(() => undefined);
  };
};

/** Runs `work` in a span; without tracing it is only run. */
export const traced = async <T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
): Promise<T> =>
  trace.getTracer(TRACER).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });

export const fail = (span: Span, error: unknown): void => {
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof Error ? error.message : String(error),
  });
};

/** Begins a span that somebody else ends, below the caller's if the headers name one. */
export const beginServerSpan = (
  name: string,
  headers: Readonly<Record<string, unknown>>,
  attributes: Attributes,
): { span: Span; within: <T>(work: () => T) => T } => {
  const parent = propagation.extract(context.active(), headers);
  const span = trace.getTracer(TRACER).startSpan(name, { attributes, kind: 1 }, parent);
  return { span, within: (work) => context.with(trace.setSpan(parent, span), work) };
};
