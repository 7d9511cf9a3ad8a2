import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes: begun last, one of them would be all that runs at the end. */
const LONGEST = ['src/services/metering/interleavings.test.ts', 'test/e2e/package.test.ts'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONGEST.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// Two projects: what is pure runs anywhere at once; what needs PostgreSQL, Redis or processes gets servers of its own.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // What is told about faults that a test makes on purpose would bury what is not.
    env: { LOG_LEVEL: 'silent' },
    // Bounds for a busy machine; what a test promises about time it measures itself.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/servers/globalSetup.ts'],
          setupFiles: ['test/servers/noLeftovers.ts'],
        },
      },
    ],
  },
});
