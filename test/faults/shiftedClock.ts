// Other wall clocks for processes, by libfaketime on the process itself: an injected clock would prove only the injection.
import { fakeTimeLibrary } from '../servers/binaries.js';

/** The environment of a process whose wall clock is `byMs` ahead of the machine's. Its monotonic clock stays: nobody sets those. */
export async function shiftedBy(byMs: number): Promise<Readonly<Record<string, string>>> {
  return {
    LD_PRELOAD: await fakeTimeLibrary(),
    FAKETIME: `${byMs < 0 ? '' : '+'}${(byMs / 1_000).toFixed(3)}`,
    // Both names: they differ by the library's version.
    DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}
