// OpenTelemetry's SDK for tests: spans are kept in memory, and what is active follows promises and callbacks.
import { AsyncLocalStorage } from 'node:async_hooks';
import * as api from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** The context manager of an app's SDK. */
class AsyncContexts implements api.ContextManager {
  readonly #storage = new AsyncLocalStorage<api.Context>();
  active = () => this.#storage.getStore() ?? api.ROOT_CONTEXT;
  with: api.ContextManager['with'] = (context, call, self, ...parameters) =>
    this.#storage.run(context, () => call.apply(self as ThisParameterType<typeof call>, parameters));
  bind: api.ContextManager['bind'] = (context, target) =>
    typeof target === 'function' ? (this.with.bind(this, context, target as () => unknown) as typeof target) : target;
  enable = () => this;
  disable = () => this;
}

/** Registers the SDK; returns the app's own tracer and what ends it. */
export function registerSpans() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  api.trace.setGlobalTracerProvider(provider);
  api.context.setGlobalContextManager(new AsyncContexts());
  const app = provider.getTracer('app');
  return {
    app,
    /** The finished spans of one name. */
    spansOf: (name = 'tallygate.decide') => exporter.getFinishedSpans().filter((span) => span.name === name),
    /** Calls inside a span of the app's, as an HTTP instrumentation opens one; resolves to that span's ids. */
    inRequest: (name: string, call: () => unknown): Promise<api.SpanContext> =>
      app.startActiveSpan(name, async (span) => {
        await call();
        span.end();
        return span.spanContext();
      }),
  };
}

/** Ends what `registerSpans` registered. */
export function endSpans(): void {
  api.trace.disable();
  api.context.disable();
}
