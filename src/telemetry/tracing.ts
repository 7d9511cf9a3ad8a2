// A span for each decision, below the span of the request that asks. Recorded where the app's SDK samples the request;
// otherwise this costs one call of the API.
import type { Span } from '@opentelemetry/api';
import { type Decision, refusingLimits, shadowRefusals } from '../core/quota/decision.js';
import { type OpenTelemetryApi, SCOPE } from './openTelemetry.js';

/** Decides and charges; a value where no I/O was needed. `rest` is what a decision may be told besides, as of a reservation. */
export type Decide<Rest extends unknown[] = []> = (
  tenantId: string,
  cost: number,
  ...rest: Rest
) => Decision | Promise<Decision>;

/** The same, with a span `tallygate.decide` around each decision. */
export function tracedDecide<Rest extends unknown[]>(decide: Decide<Rest>, api: OpenTelemetryApi): Decide<Rest> {
  const { context, trace, SpanStatusCode } = api;
  // A proxy until the app registers its SDK, which may come after this.
  const tracer = trace.getTracer(SCOPE);

  function concluded(span: Span, decision: Decision): Decision {
    span.setAttributes({
      'tallygate.outcome': decision.outcome,
      'tallygate.limits': decision.limits.map(({ name }) => name),
      'tallygate.refused_by': refusingLimits(decision).map(({ name }) => name),
      'tallygate.shadow_refused_by': shadowRefusals(decision).map(({ name }) => name),
    });
    // A denial is an answer. That the quota could not be asked is a fault, whatever the policy made of it.
    if (decision.outcome === 'unavailable' || decision.outcome === 'unconfirmed')
      span.setStatus({ code: SpanStatusCode.ERROR, message: `the counter store did not decide: ${decision.outcome}` });
    span.end();
    return decision;
  }

  function failed(span: Span, error: unknown): never {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    throw error;
  }

  return (tenantId, cost, ...rest) => {
    // Its parent is the span that is active now: the request's.
    const span = tracer.startSpan('tallygate.decide');
    if (!span.isRecording()) return decide(tenantId, cost, ...rest);
    span.setAttributes({ 'tallygate.tenant.id': tenantId, 'tallygate.cost': cost });
    try {
      // Active while it is decided, so that the calls of Redis and PostgreSQL are its children.
      const decision = context.with(trace.setSpan(context.active(), span), decide, undefined, tenantId, cost, ...rest);
      if (!(decision instanceof Promise)) return concluded(span, decision);
      return decision.then(
        (made) => concluded(span, made),
        (error: unknown) => failed(span, error),
      );
    } catch (error) {
      return failed(span, error);
    }
  };
}
