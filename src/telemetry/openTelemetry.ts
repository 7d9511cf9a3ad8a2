// OpenTelemetry's API, where an app has it. It is no dependency of ours: who does not trace installs nothing and pays nothing.
// The API alone records nothing either; the app's SDK does.

/** What `@opentelemetry/api` exports. */
export type OpenTelemetryApi = typeof import('@opentelemetry/api');

/** The name under which spans and instruments are made. */
export const SCOPE = 'tallygate';

/** The API, loaded; undefined where it is not installed. `load` is for tests. */
export function openTelemetryApi(load: () => OpenTelemetryApi = loadInstalled): OpenTelemetryApi | undefined {
  try {
    return load();
  } catch (error) {
    // Only that it is not there is expected: an API that is there and broken must not pass for none.
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

const loadInstalled = (): OpenTelemetryApi => require('@opentelemetry/api') as OpenTelemetryApi;
